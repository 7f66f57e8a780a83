// The wrapper starts a task's command inside its pod, obeys the sidecar, and reports how it ended.
//
//	wrapper install DIRECTORY   copies itself to DIRECTORY/bin/wrapper and makes the directories of a task
//	wrapper run RUN_FILE        runs what RUN_FILE says
//
// It uses the standard library only, so that one static file works in every image.
package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

const (
	retryVariable  = "OSMO_RETRY_ID"
	socketFile     = "/osmo/run/ctrl.sock"
	toolsDirectory = "/osmo/usr/bin"
	terminationLog = "/dev/termination-log"
	// Nothing was run: the image or the Secret is at fault.
	exitBadStart = 253
)

func main() {
	if len(os.Args) == 3 {
		switch os.Args[1] {
		case "install":
			exitOn(install(os.Args[2]))
			return
		case "run":
			os.Exit(runFile(os.Args[2]))
		}
	}
	exitOn(fmt.Errorf("usage: wrapper install DIRECTORY | wrapper run RUN_FILE"))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "wrapper:", err)
		os.Exit(exitBadStart)
	}
}

func runFile(path string) int {
	payload, err := readPayload(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, "wrapper:", err)
		writeReport(terminationLog, Report{Code: codeNotStarted, Phase: "start", Message: err.Error(), Ended: time.Now()})
		return exitBadStart
	}
	retryID, _ := strconv.Atoi(os.Getenv(retryVariable))
	terminated := make(chan struct{})
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		close(terminated)
		// More of them come (Argo signals twice); the first is enough.
		for range signals {
		}
	}()
	at := place{socket: socketFile, terminationLog: terminationLog, tools: toolsDirectory, environ: os.Environ(),
		retryID: retryID, grace: killAfterTerm}
	return run(payload, at, terminated)
}

// install makes the directories of a task, open to whatever user the image has, and copies the wrapper there.
func install(directory string) error {
	for _, name := range []string{"bin", "run", "run/workspace", "data/input", "data/output", "usr/bin", "login/config"} {
		path := filepath.Join(directory, name)
		if err := os.MkdirAll(path, 0o777); err != nil {
			return err
		}
		if err := os.Chmod(path, 0o777); err != nil {
			return err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	source, err := os.Open(self)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(filepath.Join(directory, "bin", "wrapper"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(target, source); err != nil {
		target.Close()
		return err
	}
	return target.Close()
}
