package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// watcher uploads what each Watch names: every frequency, and once more when finish is called.
type watcher struct {
	socket string
	stop   chan struct{}
	loops  sync.WaitGroup
	failed chan error
	list   []Watch
}

func watch(socket string, list []Watch) *watcher {
	w := &watcher{socket: socket, stop: make(chan struct{}), failed: make(chan error, len(list)+1), list: list}
	for _, item := range list {
		w.loops.Add(1)
		go w.loop(item)
	}
	return w
}

func (w *watcher) loop(item Watch) {
	defer w.loops.Done()
	period := time.Duration(max(item.FrequencySeconds, 1)) * time.Second
	for {
		select {
		case <-w.stop:
			return
		case <-time.After(period):
		}
		if err := upload(w.socket, item); err != nil {
			select {
			case w.failed <- err:
			default:
			}
			return
		}
	}
}

// finish waits for uploads under way and makes the last ones.
func (w *watcher) finish() error {
	close(w.stop)
	w.loops.Wait()
	for _, item := range w.list {
		if err := upload(w.socket, item); err != nil {
			return err
		}
	}
	return nil
}

// upload sends one checkpoint as frames on a connection of its own and waits for the sidecar's word.
func upload(socket string, item Watch) error {
	connection, err := net.Dial("unix", socket)
	if err != nil {
		return fmt.Errorf("checkpoint %s: %w", item.Path, err)
	}
	defer connection.Close()
	header, _ := json.Marshal(Message{Kind: "checkpoint", Index: item.Index})
	if _, err := connection.Write(append(header, '\n')); err != nil {
		return fmt.Errorf("checkpoint %s: %w", item.Path, err)
	}
	if err := pack(connection, item.Path); err != nil {
		return fmt.Errorf("checkpoint %s: %w", item.Path, err)
	}
	if half, ok := connection.(*net.UnixConn); ok {
		half.CloseWrite()
	}
	var answer Message
	line, err := bufio.NewReader(connection).ReadBytes('\n')
	if err != nil || json.Unmarshal(line, &answer) != nil || answer.Kind != "stored" {
		return fmt.Errorf("checkpoint %s was not stored: %s", item.Path, answer.Text)
	}
	return nil
}

// pack writes the files of a path: for each a line of JSON with name and size, then its bytes; at the end a line that
// says so. `/a/b` is packed below its base name b, `/a/b/*` as the content of b.
func pack(out io.Writer, pattern string) error {
	roots := []string{pattern}
	if strings.ContainsAny(pattern, "*?[") {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		roots = visible(found, pattern)
	}
	for _, root := range roots {
		base := filepath.Dir(filepath.Clean(root))
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				// What vanished while it was read, and everything that is no file, is left out.
				return nil
			}
			name, err := filepath.Rel(base, path)
			if err != nil {
				return err
			}
			return packFile(out, path, name)
		})
		if err != nil {
			return err
		}
	}
	return writeLine(out, frame{End: true})
}

// visible leaves out what a shell would: hidden files, unless the pattern asks for them.
func visible(paths []string, pattern string) []string {
	parts := strings.Split(filepath.Clean(pattern), "/")
	var kept []string
	for _, path := range paths {
		hidden := false
		for i, part := range strings.Split(filepath.Clean(path), "/") {
			hidden = hidden || (strings.HasPrefix(part, ".") && i < len(parts) && !strings.HasPrefix(parts[i], "."))
		}
		if !hidden {
			kept = append(kept, path)
		}
	}
	return kept
}

// frame stands before the bytes of a file, or after the last file.
type frame struct {
	Name string `json:"name,omitempty"`
	Size int64  `json:"size,omitempty"`
	End  bool   `json:"end,omitempty"`
}

func writeLine(out io.Writer, line frame) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = out.Write(append(text, '\n'))
	return err
}

func packFile(out io.Writer, path, name string) error {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if err := writeLine(out, frame{Name: name, Size: info.Size()}); err != nil {
		return err
	}
	// The program may be writing: what grew is cut at the announced size, what shrank is filled up.
	written, err := io.Copy(out, io.LimitReader(file, info.Size()))
	if err == nil && written < info.Size() {
		_, err = io.CopyN(out, zeros{}, info.Size()-written)
	}
	return err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
