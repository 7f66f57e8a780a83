package main

import (
	"encoding/json"
	"os"
	"time"
)

const (
	maxReportBytes  = 1024
	maxMessageBytes = 300
)

// Report is what the mirror reads from the pod's status: one JSON line of at most 1 KB.
type Report struct {
	Version int       `json:"v"`
	Code    int       `json:"code"`
	Action  string    `json:"action,omitempty"`
	Phase   string    `json:"phase"`
	Signal  string    `json:"signal,omitempty"`
	Stopped bool      `json:"stopped,omitempty"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended"`
	Message string    `json:"message,omitempty"`
	Made    []string  `json:"made,omitempty"`
}

// writeReport puts the report where Kubernetes looks. A longer one would be cut at the front, so texts give way first.
func writeReport(path string, report Report) error {
	report.Version = 1
	report.Started, report.Ended = report.Started.UTC().Truncate(time.Millisecond), report.Ended.UTC().Truncate(time.Millisecond)
	if len(report.Message) > maxMessageBytes {
		report.Message = report.Message[:maxMessageBytes]
	}
	line, err := json.Marshal(report)
	if err != nil {
		return err
	}
	if len(line) > maxReportBytes {
		report.Message = ""
		if line, err = json.Marshal(report); err != nil {
			return err
		}
	}
	return os.WriteFile(path, append(line, '\n'), 0o644)
}
