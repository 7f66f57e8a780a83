package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"time"
)

// Message is one JSON line between wrapper and sidecar.
//
// From the wrapper: hello (task, retry_id; to a sidecar that comes again also phase and round), started, exited (code; phase `stopped` after SIGTERM), killed (after
// restart), ended (the code that the wrapper ends with, its last word), checkpoint (index; the files follow on a connection of its own). From the sidecar:
// start (round), restart, stop (code to end with), finish (code of the sidecar's own failure, or 0, with phase and message; made).
type Message struct {
	Kind    string `json:"kind"`
	Task    string `json:"task,omitempty"`
	RetryID int    `json:"retry_id"`
	Code    int    `json:"code"`
	Index   int    `json:"index"`
	Round   int    `json:"round"`
	Phase   string `json:"phase,omitempty"`
	Text    string `json:"message,omitempty"`
	// Made is what the mirror learns of datasets that were stored; the wrapper hands it on as it is.
	Made []string `json:"made,omitempty"`
}

// Link is the connection to the sidecar; lost is closed when it breaks.
type Link struct {
	connection net.Conn
	commands   chan Message
	lost       chan struct{}
	writing    sync.Mutex
}

// connect waits until the sidecar listens.
func connect(socket string, timeout time.Duration, stop <-chan struct{}) (*Link, error) {
	deadline := time.Now().Add(timeout)
	for {
		connection, err := net.Dial("unix", socket)
		if err == nil {
			link := &Link{connection: connection, commands: make(chan Message, 8), lost: make(chan struct{})}
			go link.read()
			return link, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("the sidecar did not open %s within %s", socket, timeout)
		}
		select {
		case <-stop:
			return nil, fmt.Errorf("stopped while waiting for the sidecar")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (l *Link) read() {
	defer close(l.lost)
	lines := bufio.NewScanner(l.connection)
	for lines.Scan() {
		var message Message
		if json.Unmarshal(lines.Bytes(), &message) == nil {
			l.commands <- message
		}
	}
}

func (l *Link) send(message Message) {
	line, err := json.Marshal(message)
	if err != nil {
		return
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	// A write that fails shows as a lost link to the reader.
	l.connection.Write(append(line, '\n'))
}
