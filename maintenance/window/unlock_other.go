//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package window

import "os"

// unlock does nothing: a file that is closed has no lock on this system.
func unlock(*os.File) {}
