//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package window

import "os"

// unlock does nothing: on this system closing a file releases its lock.
func unlock(*os.File) {}
