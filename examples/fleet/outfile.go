package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// partialSuffix names a file that is being written, or that a killed run has left. The next run replaces that.
const partialSuffix = ".partial"

// outFile is written beside the file that it replaces once it is complete. A device or a pipe is written directly.
type outFile struct {
	*os.File
	path string      // the file to replace; empty for a device or a pipe
	info os.FileInfo // of File
}

// openOut finds out whether the file can be written, and leaves it as it is.
func openOut(name string) (*outFile, error) {
	old, err := os.Stat(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	exists := err == nil
	if exists {
		for _, standard := range []*os.File{os.Stdout, os.Stderr} {
			if info, err := standard.Stat(); err == nil && os.SameFile(info, old) {
				return &outFile{File: standard}, nil // a rename would part it from what is printed
			}
		}
		file, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		if !old.Mode().IsRegular() {
			return &outFile{File: file}, nil
		}
		file.Close() // it may be written, so it may be replaced
	}
	path := target(name)
	switch err := os.Remove(path + partialSuffix); {
	case err == nil:
		fmt.Fprintf(os.Stderr, "fleet: replacing %s, which a run that did not end has left\n", path+partialSuffix)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	// O_EXCL: another run that creates it at the same time does not share it.
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

// target follows symbolic links, the last of which may lead to a file that is not there yet.
func target(path string) string {
	for range 40 {
		link, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(link) {
			dir, _ := filepath.Split(path) // not cleaned, as dir/.. is another place if dir is a link
			link = dir + link
		}
		path = link
	}
	return path
}

// finish puts on the disk what was written. The file keeps the name that says that it is not complete.
func (o *outFile) finish() error {
	if o.path == "" {
		return nil
	}
	return errors.Join(o.Sync(), o.Close())
}

// replace is for a file that is finished and complete.
func (o *outFile) replace() error {
	if o.path == "" {
		return nil
	}
	if !o.isStillThere() {
		return fmt.Errorf("another run has replaced %s", o.Name())
	}
	return os.Rename(o.Name(), o.path)
}

// discard removes a file that holds nothing.
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
