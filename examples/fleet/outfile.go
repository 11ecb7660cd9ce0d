package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// partialSuffix marks a file that is being written, or that a killed run has left. The next run
// replaces such a file.
const partialSuffix = ".partial"

// outFile is a file that is written beside another file, and replaces that file when it is
// complete. A device or a pipe is written directly.
type outFile struct {
	*os.File
	path string      // the file to replace; empty for a device or a pipe
	info os.FileInfo // of File
}

// openOut checks that the file can be written, without changing it.
func openOut(name string) (*outFile, error) {
	old, err := os.Stat(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	exists := err == nil
	if exists {
		for _, standard := range []*os.File{os.Stdout, os.Stderr} {
			if info, err := standard.Stat(); err == nil && os.SameFile(info, old) {
				return &outFile{File: standard}, nil // standard output must not be renamed away
			}
		}
		file, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		if !old.Mode().IsRegular() {
			return &outFile{File: file}, nil
		}
		file.Close() // it is writable, so it may be replaced
	}
	path := target(name)
	switch err := os.Remove(path + partialSuffix); {
	case err == nil:
		fmt.Fprintf(os.Stderr, "fleet: replacing %s, which an unfinished run has left\n", path+partialSuffix)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	// O_EXCL: two runs that start at the same time must not share the file.
	file, err := os.OpenFile(path+partialSuffix, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	if exists {
		_ = file.Chmod(old.Mode().Perm()) // as far as the file system has permissions
	}
	info, err := file.Stat()
	return &outFile{file, path, info}, err
}

// target follows symbolic links. The last link may point to a file that does not exist yet.
func target(path string) string {
	for range 40 {
		link, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(link) {
			dir, _ := filepath.Split(path) // not cleaned, because dir/.. is another folder if dir is a link
			link = dir + link
		}
		path = link
	}
	return path
}

// finish syncs the file to disk. The file keeps its partial name.
func (o *outFile) finish() error {
	if o.path == "" {
		return nil
	}
	return errors.Join(o.Sync(), o.Close())
}

// replace replaces the file at path by this one, which must be finished and complete.
func (o *outFile) replace() error {
	if o.path == "" {
		return nil
	}
	if !o.isStillThere() {
		return fmt.Errorf("another run has replaced %s", o.Name())
	}
	return os.Rename(o.Name(), o.path)
}

// discard removes the file.
func (o *outFile) discard() {
	if o.path == "" {
		return
	}
	o.Close()
	if o.isStillThere() {
		_ = os.Remove(o.Name())
	}
}

func (o *outFile) isStillThere() bool {
	info, err := os.Lstat(o.Name())
	return err == nil && os.SameFile(info, o.info)
}
