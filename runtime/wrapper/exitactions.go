package main

// The codes with which the wrapper itself speaks to Argo.
const (
	exitStopped    = 250
	exitReschedule = 251
)

// Overlapping ranges are decided in this order, not in the order of the file (workflow-spec.md §5.4).
var actionOrder = []string{"FAIL", "COMPLETE", "RESCHEDULE"}

// actionFor is the first action whose ranges hold the code: the task's rules, then the pool's; "" for none.
func actionFor(code int, rules, defaults []Rule) string {
	for _, table := range [][]Rule{rules, defaults} {
		for _, action := range actionOrder {
			if holds(table, action, code) {
				return action
			}
		}
	}
	return ""
}

func holds(table []Rule, action string, code int) bool {
	for _, rule := range table {
		for _, r := range rule.Ranges {
			if rule.Action == action && r[0] <= code && code <= r[1] {
				return true
			}
		}
	}
	return false
}

// exitStatus is what the wrapper ends with so that Argo does what the action says. Codes beyond a process's range, and
// codes of ours that the program happened to use, become 1: the report carries the true one.
func exitStatus(code int, action string, retryID, maxRetries int) int {
	switch {
	case action == "COMPLETE":
		return 0
	case action == "FAIL" && code == 0:
		return 1
	case action == "RESCHEDULE" && retryID < maxRetries:
		return exitReschedule
	}
	if code < 0 || code > 255 || code == exitStopped || code == exitReschedule {
		return 1
	}
	return code
}
