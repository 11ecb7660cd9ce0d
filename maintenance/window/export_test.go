package window

import "time"

// SetFenceMargin is for child processes: it changes every window of the process.
func SetFenceMargin(d time.Duration) { fenceMargin = d }

const LockTimeout = lockTimeout
