//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package window

import (
	"os"
	"syscall"
)

// unlock gives up bbolt's lock of a file. It is not enough to close the file: the memory map of it keeps
// the lock.
func unlock(file *os.File) { _ = syscall.Flock(int(file.Fd()), syscall.LOCK_UN) }
