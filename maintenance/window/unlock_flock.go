//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package window

import (
	"os"
	"syscall"
)

// unlock releases bbolt's lock of a file. Closing the file is not enough: its memory map keeps the
// lock.
func unlock(file *os.File) { _ = syscall.Flock(int(file.Fd()), syscall.LOCK_UN) }
