package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// The codes of workflow-spec.md §5.6 for ends that are no exit.
const (
	codeKilled      = 255
	codeNotStarted  = 2
	killAfterTerm   = 20 * time.Second
	outOfMemoryPref = "1000"
)

// Program is one start of the user's command, in a process group of its own.
type Program struct {
	command *exec.Cmd
	ended   chan struct{}
	code    int
	signal  string
	once    sync.Once
}

// start begins the command. A command that cannot be started is a program that ended with 2.
func start(argv, env []string, stdout, stderr io.Writer) *Program {
	program := &Program{ended: make(chan struct{})}
	command := exec.Command(argv[0], argv[1:]...)
	command.Env = env
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if found, err := lookPath(argv[0], env); err == nil {
		command.Path, command.Err = found, nil
	}
	// Writers that are no files make exec copy through pipes and wait for their end, so that a background child that
	// keeps stdout open keeps the task running (§8.1).
	command.Stdout, command.Stderr = onlyWriter{stdout}, onlyWriter{stderr}
	program.command = command
	if err := command.Start(); err != nil {
		io.WriteString(stderr, "cannot start "+argv[0]+": "+err.Error()+"\n")
		program.code = codeNotStarted
		close(program.ended)
		return program
	}
	preferForOutOfMemory(command.Process.Pid)
	go program.wait()
	return program
}

func (p *Program) wait() {
	err := p.command.Wait()
	p.code = 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		status := exit.Sys().(syscall.WaitStatus)
		p.code = status.ExitStatus()
		if status.Signaled() {
			p.code, p.signal = codeKilled, status.Signal().String()
		}
	} else if err != nil {
		p.code = codeKilled
	}
	close(p.ended)
}

// stop asks the whole process group to end and kills it when it does not.
func (p *Program) stop(grace time.Duration) {
	p.once.Do(func() {
		p.signalGroup(syscall.SIGTERM)
		select {
		case <-p.ended:
		case <-time.After(grace):
		}
		p.signalGroup(syscall.SIGKILL)
		<-p.ended
	})
}

func (p *Program) kill() {
	p.signalGroup(syscall.SIGKILL)
	<-p.ended
}

func (p *Program) signalGroup(signal syscall.Signal) {
	if p.command.Process != nil {
		syscall.Kill(-p.command.Process.Pid, signal)
	}
}

type onlyWriter struct{ io.Writer }

// lookPath finds the program on the PATH that it will have itself, not on the wrapper's.
func lookPath(name string, env []string) (string, error) {
	if filepath.Base(name) != name {
		return name, nil
	}
	for _, item := range env {
		if len(item) > 5 && item[:5] == "PATH=" {
			for _, directory := range filepath.SplitList(item[5:]) {
				path := filepath.Join(directory, name)
				if info, err := os.Stat(path); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
					return path, nil
				}
			}
		}
	}
	return "", exec.ErrNotFound
}

// The program goes before the wrapper when memory runs out, so that there is a report.
func preferForOutOfMemory(pid int) {
	os.WriteFile("/proc/"+strconv.Itoa(pid)+"/oom_score_adj", []byte(outOfMemoryPref), 0o644)
}
