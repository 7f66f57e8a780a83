package main

import (
	"os"
	"time"
)

// Codes of workflow-spec.md §5.6 for failures on the sidecar's side.
const (
	codeSidecarGone = 2023
	codeUpload      = 2012
	codeSidecarNone = 2040
	phaseStopped    = "stopped"
	// A sidecar that crashed is started again by the kubelet, after a pause that grows.
	sidecarReturns = 2 * time.Minute
)

// Paths of one run, and what the container gives it. Tests use their own.
type place struct {
	socket, terminationLog, tools string
	environ                       []string
	retryID                       int
	grace                         time.Duration
}

// outcome is how a run ended, before exit actions.
type outcome struct {
	code    int
	phase   string
	message string
	signal  string
	made    []string
	started time.Time
	// stop is the code to end with when somebody ended the run; -1 where it ended by itself.
	stop int
}

// run plays one attempt and returns the status to end with.
func run(payload *Payload, at place, terminated <-chan struct{}) int {
	if !payload.Sidecar {
		return conclude(payload, at, alone(payload, at, terminated))
	}
	result, link := withSidecar(payload, at, terminated)
	status := conclude(payload, at, result)
	if link != nil {
		// Whether the run is over or comes again, the group's other tasks learn from this.
		link.send(Message{Kind: "ended", Code: status})
		link.connection.Close()
	}
	return status
}

func conclude(payload *Payload, at place, result outcome) int {
	report := Report{Code: result.code, Phase: result.phase, Signal: result.signal, Message: result.message,
		Started: result.started, Ended: time.Now(), Made: result.made}
	status := result.stop
	if status >= 0 {
		report.Stopped = true
	} else {
		report.Action = actionFor(result.code, payload.ExitRules, payload.DefaultExitRules)
		status = exitStatus(result.code, report.Action, at.retryID, payload.MaxRetries)
	}
	if err := writeReport(at.terminationLog, report); err != nil {
		os.Stderr.WriteString("cannot write the report: " + err.Error() + "\n")
	}
	return status
}

func alone(payload *Payload, at place, terminated <-chan struct{}) outcome {
	program := begin(payload, at)
	result := outcome{phase: "run", started: time.Now(), stop: -1}
	select {
	case <-program.ended:
	case <-terminated:
		program.stop(at.grace)
		result.stop = exitStopped
	}
	result.code, result.signal = program.code, program.signal
	return result
}

func begin(payload *Payload, at place) *Program {
	env, values := environment(at.environ, payload.Environment, at.tools)
	argv := make([]string, len(payload.Argv))
	for i, word := range payload.Argv {
		argv[i] = expand(word, values)
	}
	return start(argv, env, os.Stdout, os.Stderr)
}

// session is a run under the direction of the sidecar.
type session struct {
	payload    *Payload
	at         place
	link       *Link
	terminated <-chan struct{}
	program    *Program
	watcher    *watcher
	result     outcome
	exited     bool
	round      int
}

func withSidecar(payload *Payload, at place, terminated <-chan struct{}) (outcome, *Link) {
	timeout := time.Duration(payload.SocketTimeoutSeconds) * time.Second
	link, err := connect(at.socket, timeout, terminated)
	if err != nil {
		result := outcome{code: codeSidecarNone, phase: "connect", message: err.Error(), stop: -1}
		select {
		case <-terminated:
			result.stop = exitStopped
		default:
		}
		return result, nil
	}
	s := &session{payload: payload, at: at, link: link, terminated: terminated,
		result: outcome{phase: "download", stop: -1}}
	link.send(s.hello())
	for !s.step() {
	}
	return s.result, s.link
}

// hello says who this is, and to a sidecar that comes again how far the run is.
func (s *session) hello() Message {
	hello := Message{Kind: "hello", Task: s.payload.Identity.Task, RetryID: s.at.retryID, Round: s.round}
	switch {
	case s.exited:
		hello.Phase = "exited"
	case s.program != nil:
		hello.Phase = "running"
	case !s.result.started.IsZero():
		hello.Phase = "waiting"
	}
	return hello
}

// step handles what comes next and says whether the run is over.
func (s *session) step() bool {
	var ended <-chan struct{}
	var failed <-chan error
	if s.program != nil && !s.exited {
		ended = s.program.ended
		failed = s.watcher.failed
	}
	select {
	case command := <-s.link.commands:
		return s.obey(command)
	case <-ended:
		s.programEnded()
		return false
	case err := <-failed:
		s.program.kill()
		s.result.code, s.result.message, s.result.phase = codeUpload, err.Error(), "checkpoint"
		return true
	case <-s.terminated:
		s.terminated = nil
		s.result.stop = exitStopped
		if s.program == nil {
			return true
		}
		if !s.exited {
			s.program.stop(s.at.grace)
		}
		return false
	case <-s.link.lost:
		return s.sidecarLost()
	}
}

func (s *session) obey(command Message) bool {
	switch command.Kind {
	case "start":
		s.program = begin(s.payload, s.at)
		s.exited = false
		s.round = command.Round
		s.result.phase = "run"
		if s.result.started.IsZero() {
			s.result.started = time.Now()
		}
		s.watcher = watch(s.at.socket, s.payload.Checkpoints)
		s.link.send(Message{Kind: "started"})
	case "restart":
		// Dropped before the start and while outputs are uploaded (§5.5).
		if s.program != nil && !s.exited {
			close(s.watcher.stop)
			s.program.kill()
			s.program = nil
			s.link.send(Message{Kind: "killed"})
		}
	case "stop":
		s.result.stop = command.Code
		if s.program != nil && !s.exited {
			s.program.stop(s.at.grace)
			s.result.code, s.result.signal = s.program.code, s.program.signal
		}
		return true
	case "finish":
		s.result.made = command.Made
		if command.Code != 0 {
			s.result.code, s.result.phase, s.result.message = max(s.result.code, command.Code), command.Phase, command.Text
		}
		return true
	}
	return false
}

func (s *session) programEnded() {
	s.exited = true
	s.result.code, s.result.signal = s.program.code, s.program.signal
	if err := s.watcher.finish(); err != nil {
		s.result.code, s.result.message = codeUpload, err.Error()
	}
	s.result.phase = "upload"
	exited := Message{Kind: "exited", Code: s.result.code}
	if s.result.stop >= 0 {
		// Ended by order: what it left is not uploaded.
		exited.Phase = phaseStopped
	}
	s.link.send(exited)
}

func (s *session) sidecarLost() bool {
	select {
	case command := <-s.link.commands:
		// What it said before it went still counts.
		return s.obey(command)
	default:
	}
	if s.payload.SidecarReturns && s.result.stop < 0 {
		if link, err := connect(s.at.socket, sidecarReturns, s.terminated); err == nil {
			s.link.connection.Close()
			s.link = link
			link.send(s.hello())
			return false
		}
	}
	select {
	case <-s.terminated:
		s.result.stop = exitStopped
	default:
	}
	if s.program != nil && !s.exited {
		s.program.stop(s.at.grace)
	}
	if s.result.stop < 0 {
		s.result.code, s.result.message = codeSidecarGone, "the sidecar ended before the run was finished"
	}
	return true
}
