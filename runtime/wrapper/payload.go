package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// payloadVersion is that of translator/argo/payload.py, which describes every field; documents that name datasets have the other.
const (
	payloadVersion  = 1
	datasetsVersion = 2
)

// Rule says what exit codes in its inclusive ranges turn into; low > high never matches.
type Rule struct {
	Action string   `json:"action"`
	Ranges [][2]int `json:"ranges"`
}

// Watch is a path of the user's container that is handed to the sidecar again and again, and once at the end.
type Watch struct {
	Index            int    `json:"index"`
	Path             string `json:"path"`
	FrequencySeconds int    `json:"frequency_seconds"`
}

// Payload is run.json: what to run and what its end means.
type Payload struct {
	Version  int `json:"version"`
	Identity struct {
		Task string `json:"task"`
		Lead bool   `json:"lead"`
	} `json:"identity"`
	Argv                 []string    `json:"argv"`
	Environment          [][2]string `json:"environment"`
	ExitRules            []Rule      `json:"exit_rules"`
	DefaultExitRules     []Rule      `json:"default_exit_rules"`
	MaxRetries           int         `json:"max_retries"`
	Sidecar              bool        `json:"sidecar"`
	SidecarReturns       bool        `json:"sidecar_returns"`
	SocketTimeoutSeconds int         `json:"socket_timeout_seconds"`
	Checkpoints          []Watch     `json:"checkpoints"`
}

func readPayload(path string) (*Payload, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read what to run: %w", err)
	}
	payload := Payload{SocketTimeoutSeconds: 600}
	if err := json.Unmarshal(data, &payload); err != nil {
		return nil, fmt.Errorf("%s is not a run document: %w", path, err)
	}
	if payload.Version != payloadVersion && payload.Version != datasetsVersion {
		return nil, fmt.Errorf("%s has version %d, expected %d or %d: use the runtime image of the gateway's release",
			path, payload.Version, payloadVersion, datasetsVersion)
	}
	if len(payload.Argv) == 0 {
		return nil, fmt.Errorf("%s names no command", path)
	}
	return &payload, nil
}
