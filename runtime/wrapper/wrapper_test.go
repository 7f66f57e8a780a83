package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The table that the local engine passes too.
func TestSharedTableOfExpansions(t *testing.T) {
	data, err := os.ReadFile("../../tests/data/expansion.json")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Variables map[string]string `json:"variables"`
		Cases     []struct {
			Text   string `json:"text"`
			Result string `json:"result"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(data, &table); err != nil {
		t.Fatal(err)
	}
	for _, each := range table.Cases {
		if got := expand(each.Text, table.Variables); got != each.Result {
			t.Errorf("expand(%q) = %q, want %q", each.Text, got, each.Result)
		}
	}
}

func TestEnvironmentKeepsOrderAndAppendsTools(t *testing.T) {
	list, values := environment([]string{"PATH=/bin", "H=1", retryVariable + "=3"},
		[][2]string{{"X", "$(H)"}, {"Y", "$(X)$(Z)"}, {"Z", "z"}, {"X", "2"}}, "/tools")
	want := []string{"PATH=/bin:/tools", "H=1", "X=2", "Y=1$(Z)", "Z=z"}
	if strings.Join(list, " ") != strings.Join(want, " ") || values["X"] != "2" {
		t.Errorf("got %q, want %q", list, want)
	}
}

// The table that the reducer of the gateway passes too.
func TestSharedTableOfExitActions(t *testing.T) {
	data, err := os.ReadFile("../../tests/data/exit_actions.json")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Cases []struct {
			Name             string  `json:"name"`
			ExitRules        []Rule  `json:"exit_rules"`
			DefaultExitRules []Rule  `json:"default_exit_rules"`
			MaxRetries       int     `json:"max_retries"`
			RetryID          int     `json:"retry_id"`
			ExitCode         *int    `json:"exit_code"`
			Action           *string `json:"action"`
			Reported         string  `json:"reported"`
			Status           string  `json:"status"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(data, &table); err != nil {
		t.Fatal(err)
	}
	if len(table.Cases) == 0 {
		t.Fatal("the table is empty")
	}
	for _, c := range table.Cases {
		// The wrapper sees ends of the program only, not those that the gateway decides.
		if c.ExitCode == nil || (c.Reported != "COMPLETED" && c.Reported != "FAILED") {
			continue
		}
		action := actionFor(*c.ExitCode, c.ExitRules, c.DefaultExitRules)
		if want := c.Action; (want == nil && action != "") || (want != nil && *want != action) {
			t.Errorf("%s: action %q", c.Name, action)
		}
		status := exitStatus(*c.ExitCode, action, c.RetryID, c.MaxRetries)
		switch c.Status {
		case "RESCHEDULED":
			if status != exitReschedule {
				t.Errorf("%s: ends with %d, want %d", c.Name, status, exitReschedule)
			}
		case "COMPLETED":
			if status != 0 {
				t.Errorf("%s: ends with %d, want 0", c.Name, status)
			}
		default:
			if status == 0 || status == exitReschedule {
				t.Errorf("%s: ends with %d, want a failure", c.Name, status)
			}
		}
	}
}

func TestReservedCodesOfTheProgramAreNotOurs(t *testing.T) {
	for _, code := range []int{250, 251, 300, -1} {
		if got := exitStatus(code, "", 0, 3); got != 1 {
			t.Errorf("code %d ends with %d", code, got)
		}
	}
}

func testPlace(t *testing.T) place {
	directory := t.TempDir()
	return place{socket: filepath.Join(directory, "s"), terminationLog: filepath.Join(directory, "log"),
		tools: "/tools", environ: []string{"PATH=" + os.Getenv("PATH")}, grace: 200 * time.Millisecond}
}

func payloadOf(argv ...string) *Payload {
	return &Payload{Version: 1, Argv: argv, SocketTimeoutSeconds: 5}
}

func readReport(t *testing.T, at place) Report {
	data, err := os.ReadFile(at.terminationLog)
	if err != nil {
		t.Fatal(err)
	}
	var report Report
	if err := json.Unmarshal(data, &report); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return report
}

func TestAloneReportsCodesOfTheReference(t *testing.T) {
	for name, c := range map[string]struct {
		argv         []string
		status, code int
	}{
		"success":      {[]string{"true"}, 0, 0},
		"own code":     {[]string{"sh", "-c", "exit 42"}, 42, 42},
		"killed":       {[]string{"sh", "-c", "kill -KILL $$"}, 255, 255},
		"not there":    {[]string{"/no/such"}, 2, 2},
		"not executed": {[]string{"/etc/passwd"}, 2, 2},
	} {
		at := testPlace(t)
		if status := run(payloadOf(c.argv...), at, nil); status != c.status {
			t.Errorf("%s: ends with %d, want %d", name, status, c.status)
		}
		if report := readReport(t, at); report.Code != c.code {
			t.Errorf("%s: reports %d, want %d", name, report.Code, c.code)
		}
	}
}

func TestTerminationEndsWithStoppedEvenIfTheProgramSucceeds(t *testing.T) {
	for _, script := range []string{"trap 'exit 0' TERM; while :; do sleep 0.01; done", "trap '' TERM; while :; do sleep 0.01; done"} {
		at := testPlace(t)
		terminated := make(chan struct{})
		close(terminated)
		if status := run(payloadOf("sh", "-c", script), at, terminated); status != exitStopped {
			t.Errorf("ends with %d, want %d", status, exitStopped)
		}
		if report := readReport(t, at); !report.Stopped {
			t.Error("the report does not say that it was stopped")
		}
	}
}

func TestExitActionsApply(t *testing.T) {
	at := testPlace(t)
	payload := payloadOf("sh", "-c", "exit 7")
	payload.ExitRules = []Rule{{Action: "RESCHEDULE", Ranges: [][2]int{{7, 7}}}}
	payload.MaxRetries = 1
	if status := run(payload, at, nil); status != exitReschedule {
		t.Errorf("ends with %d", status)
	}
	at.retryID = 1
	if status := run(payload, at, nil); status != 7 {
		t.Errorf("beyond the limit it ends with %d", status)
	}
}

func TestReportIsNeverLongerThanAKilobyte(t *testing.T) {
	at := testPlace(t)
	writeReport(at.terminationLog, Report{Message: strings.Repeat("\x01", 5000), Phase: "run", Ended: time.Now()})
	data, _ := os.ReadFile(at.terminationLog)
	if len(data) > maxReportBytes+1 || !json.Valid(data) {
		t.Errorf("%d bytes: %s", len(data), data)
	}
}

// fakeSidecar answers the wrapper's lines as `script` says.
func fakeSidecar(t *testing.T, at place, script func(lines *bufio.Scanner, send func(Message))) {
	listener, err := net.Listen("unix", at.socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		defer connection.Close()
		lines := bufio.NewScanner(connection)
		script(lines, func(m Message) {
			line, _ := json.Marshal(m)
			connection.Write(append(line, '\n'))
		})
	}()
}

func next(lines *bufio.Scanner) Message {
	var message Message
	if lines.Scan() {
		json.Unmarshal(lines.Bytes(), &message)
	}
	return message
}

func TestSidecarDirectsStartRestartAndFinish(t *testing.T) {
	at := testPlace(t)
	mark := filepath.Join(t.TempDir(), "starts")
	payload := payloadOf("sh", "-c", "echo x >> "+mark+"; [ $(wc -l < "+mark+") = 2 ] && exit 5; sleep 60")
	payload.Sidecar = true
	kinds := make(chan string, 10)
	fakeSidecar(t, at, func(lines *bufio.Scanner, send func(Message)) {
		kinds <- next(lines).Kind
		send(Message{Kind: "start"})
		kinds <- next(lines).Kind
		for {
			if data, _ := os.ReadFile(mark); len(data) > 0 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		send(Message{Kind: "restart"})
		kinds <- next(lines).Kind
		send(Message{Kind: "start"})
		kinds <- next(lines).Kind
		exited := next(lines)
		kinds <- exited.Kind
		send(Message{Kind: "finish"})
		ended := next(lines)
		kinds <- ended.Kind
		if ended.Code != 5 {
			t.Errorf("says that it ends with %d", ended.Code)
		}
		close(kinds)
	})
	if status := run(payload, at, nil); status != 5 {
		t.Errorf("ends with %d, want 5", status)
	}
	var seen []string
	for kind := range kinds {
		seen = append(seen, kind)
	}
	if got := strings.Join(seen, " "); got != "hello started killed started exited ended" {
		t.Errorf("the wrapper said %q", got)
	}
}

func TestFailedDownloadNeverRunsTheCommand(t *testing.T) {
	at := testPlace(t)
	mark := filepath.Join(t.TempDir(), "ran")
	payload := payloadOf("touch", mark)
	payload.Sidecar = true
	fakeSidecar(t, at, func(lines *bufio.Scanner, send func(Message)) {
		next(lines)
		send(Message{Kind: "finish", Code: 2010, Phase: "download", Text: "no such bucket"})
	})
	status := run(payload, at, nil)
	report := readReport(t, at)
	if status != 1 || report.Code != 2010 || report.Phase != "download" {
		t.Errorf("ends with %d, reports %+v", status, report)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("the command ran")
	}
}

func TestDatasetsThatWereStoredAreReported(t *testing.T) {
	for _, code := range []int{0, 2012} {
		at := testPlace(t)
		payload := payloadOf("sh", "-c", "exit 3")
		payload.Sidecar = true
		made := []string{"0 " + strings.Repeat("a", 43) + " 1 2", "1 " + strings.Repeat("b", 43) + " 3 4"}
		fakeSidecar(t, at, func(lines *bufio.Scanner, send func(Message)) {
			next(lines)
			send(Message{Kind: "start"})
			next(lines)
			next(lines)
			send(Message{Kind: "finish", Code: code, Phase: "upload", Made: made})
		})
		run(payload, at, nil)
		if report := readReport(t, at); !slices.Equal(report.Made, made) {
			t.Errorf("reports %+v", report)
		}
	}
}

func TestAReportOfManyDatasetsFitsWithoutItsMessage(t *testing.T) {
	at := testPlace(t)
	made := make([]string, 8)
	for index := range made {
		made[index] = fmt.Sprintf("%d %s %d %d", index, strings.Repeat("a", 43), int64(1e9), int64(1e15))
	}
	writeReport(at.terminationLog, Report{Message: strings.Repeat("m", 300), Phase: "upload", Ended: time.Now(), Made: made})
	if report := readReport(t, at); !slices.Equal(report.Made, made) {
		t.Errorf("reports %+v", report)
	}
	if data, _ := os.ReadFile(at.terminationLog); len(data) > maxReportBytes+1 {
		t.Errorf("%d bytes", len(data))
	}
}

func TestStopByTheSidecarEndsWithItsCode(t *testing.T) {
	at := testPlace(t)
	payload := payloadOf("sleep", "60")
	payload.Sidecar = true
	fakeSidecar(t, at, func(lines *bufio.Scanner, send func(Message)) {
		next(lines)
		send(Message{Kind: "start"})
		next(lines)
		send(Message{Kind: "stop", Code: 0})
	})
	if status := run(payload, at, nil); status != 0 {
		t.Errorf("ends with %d, want 0", status)
	}
}

func TestTerminationIsToldToTheSidecar(t *testing.T) {
	at := testPlace(t)
	payload := payloadOf("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.01; done")
	payload.Sidecar = true
	terminated := make(chan struct{})
	phases := make(chan string, 1)
	fakeSidecar(t, at, func(lines *bufio.Scanner, send func(Message)) {
		next(lines)
		send(Message{Kind: "start"})
		next(lines)
		close(terminated)
		phases <- next(lines).Phase
		send(Message{Kind: "finish"})
	})
	if status := run(payload, at, terminated); status != exitStopped {
		t.Errorf("ends with %d, want %d", status, exitStopped)
	}
	if phase := <-phases; phase != phaseStopped {
		t.Errorf("the sidecar hears %q", phase)
	}
}

func TestALostSidecarFailsTheRun(t *testing.T) {
	at := testPlace(t)
	payload := payloadOf("sleep", "60")
	payload.Sidecar = true
	fakeSidecar(t, at, func(lines *bufio.Scanner, send func(Message)) {
		next(lines)
		send(Message{Kind: "start"})
		next(lines)
	})
	if status := run(payload, at, nil); status != 1 || readReport(t, at).Code != codeSidecarGone {
		t.Errorf("ends with %d, reports %+v", status, readReport(t, at))
	}
}

func TestASidecarThatComesAgainIsToldHowFarTheRunIs(t *testing.T) {
	at := testPlace(t)
	payload := payloadOf("sh", "-c", "sleep 0.3; exit 6")
	payload.Sidecar, payload.SidecarReturns = true, true
	hellos := make(chan Message, 3)
	serve := func(script func(lines *bufio.Scanner, send func(Message))) {
		os.Remove(at.socket)
		listener, err := net.Listen("unix", at.socket)
		if err != nil {
			t.Error(err)
			return
		}
		defer listener.Close()
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		defer connection.Close()
		lines := bufio.NewScanner(connection)
		hellos <- next(lines)
		script(lines, func(m Message) {
			line, _ := json.Marshal(m)
			connection.Write(append(line, '\n'))
		})
	}
	go func() {
		serve(func(lines *bufio.Scanner, send func(Message)) {
			send(Message{Kind: "start", Round: 4})
			next(lines)
		})
		serve(func(lines *bufio.Scanner, send func(Message)) { next(lines) })
		serve(func(lines *bufio.Scanner, send func(Message)) {
			send(Message{Kind: "finish"})
			next(lines)
		})
	}()
	if status := run(payload, at, nil); status != 6 {
		t.Errorf("ends with %d, want 6", status)
	}
	for _, want := range []string{"", "running", "exited"} {
		hello := <-hellos
		if hello.Phase != want || (want != "" && hello.Round != 4) {
			t.Errorf("says %+v, want phase %q of round 4", hello, want)
		}
	}
}

func TestASidecarThatNeverComesFailsTheRun(t *testing.T) {
	at := testPlace(t)
	payload := payloadOf("true")
	payload.Sidecar, payload.SocketTimeoutSeconds = true, 0
	if status := run(payload, at, nil); status != 1 || readReport(t, at).Code != codeSidecarNone {
		t.Errorf("ends with %d", status)
	}
}

func TestPackKeepsLayoutAndLeavesOutLinksAndHiddenMatches(t *testing.T) {
	root := t.TempDir()
	os.MkdirAll(filepath.Join(root, "b/sub"), 0o755)
	os.WriteFile(filepath.Join(root, "b/one"), []byte("1"), 0o644)
	os.WriteFile(filepath.Join(root, "b/.hidden"), []byte("333"), 0o644)
	os.WriteFile(filepath.Join(root, "b/sub/two"), []byte("22"), 0o644)
	os.Symlink("/etc/passwd", filepath.Join(root, "b/link"))
	for pattern, want := range map[string]string{"b": "b/.hidden=333 b/one=1 b/sub/two=22", "b/*": "one=1 sub/two=22",
		"b/.h*": ".hidden=333", "b/on?": "one=1", "b/one": "one=1", "none": ""} {
		var out bytes.Buffer
		if err := pack(&out, filepath.Join(root, pattern)); err != nil {
			t.Fatal(err)
		}
		var found []string
		for {
			line, err := out.ReadBytes('\n')
			if err != nil {
				t.Fatalf("%s: no end: %v", pattern, err)
			}
			var header frame
			json.Unmarshal(line, &header)
			if header.End {
				break
			}
			found = append(found, header.Name+"="+string(out.Next(int(header.Size))))
		}
		if got := strings.Join(found, " "); got != want {
			t.Errorf("%s holds %q, want %q", pattern, got, want)
		}
	}
}

func TestBadRunFilesAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.json")
	for _, text := range []string{"", "[]", `{"version": 99, "argv": ["x"]}`, `{"version": 1}`} {
		os.WriteFile(path, []byte(text), 0o644)
		if _, err := readPayload(path); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func FuzzExpand(f *testing.F) {
	f.Add("a$(B)$$")
	f.Fuzz(func(t *testing.T, text string) { expand(text, map[string]string{"B": "c"}) })
}
