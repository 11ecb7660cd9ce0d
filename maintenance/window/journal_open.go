package window

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// lockTimeout is the time that openJournal waits for the lock of another process.
const lockTimeout = 200 * time.Millisecond

// openJournal opens a journal, or creates it if there is no file. It does not change a damaged
// file.
func openJournal(path string) (_ *journal, entries map[string]*entry, err error) {
	if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
		if err := makeJournal(path); err != nil {
			return nil, nil, fmt.Errorf("window: create journal %s: %w", path, err)
		}
	}
	if err := inspect(path); err != nil {
		return nil, nil, err
	}
	j := new(journal)
	err = j.open(path, false)
	if err != nil {
		return nil, nil, openError(path, err)
	}
	if entries, err = j.load(); err != nil {
		return nil, nil, errors.Join(damaged(path, err), j.close())
	}
	return j, entries, nil
}

// open opens a file.
func (j *journal) open(path string, readOnly bool) error {
	options := &bolt.Options{Timeout: lockTimeout, ReadOnly: readOnly}
	options.OpenFile = func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
		j.file, err = os.OpenFile(name, flag, mode)
		return j.file, err
	}
	err := j.guard(func() (err error) {
		j.db, err = bolt.Open(path, 0o600, options)
		return err
	})
	if j.broken != nil {
		j.abandon()
	}
	return err
}

// makeJournal creates an empty journal under another name and renames it to path when it is
// complete. So a crash leaves no file that looks damaged and, on a file system with hard links, a
// journal that another process creates meanwhile is not overwritten.
func makeJournal(path string) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.new")
	if err != nil {
		return err
	}
	made := file.Name()
	defer func() { _ = os.Remove(made) }()
	if err := file.Close(); err != nil {
		return err
	}
	j := new(journal)
	if err := j.open(made, false); err != nil {
		return err
	}
	err = j.guard(func() error {
		err := j.db.Update(func(tx *bolt.Tx) error {
			windows, err := tx.CreateBucket(windowsBucket)
			if err != nil {
				return err
			}
			state, err := tx.CreateBucket(stateBucket)
			if err != nil {
				return err
			}
			return state.Put(sumKey, sumOf(windows))
		})
		return errors.Join(err, j.db.Close())
	})
	if err != nil {
		return err
	}
	err = os.Link(made, path)
	switch {
	case errors.Is(err, os.ErrExist):
		return nil
	case err != nil:
		err = os.Rename(made, path) // a file system without links
	}
	syncDir(filepath.Dir(path))
	return err
}

// inspect verifies a file before it is opened for writing, while no other process writes to it.
// bbolt alone would initialize an empty file, use the older meta page if the newer one is damaged,
// and fault on pages beyond the end of the file.
func inspect(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return openError(path, err)
	case info.Size() == 0:
		return damaged(path, errors.New("the file is empty"))
	}
	j := new(journal)
	err = j.open(path, true)
	if err != nil {
		return openError(path, err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return errors.Join(openError(path, err), j.close())
	}
	if err := verify(content); err != nil {
		return errors.Join(damaged(path, err), j.close())
	}
	return j.close()
}

// openError returns the error for a failure to open a journal: in use, an error of the operating
// system, or damaged.
func openError(path string, err error) error {
	var (
		named *os.PathError
		plain syscall.Errno
	)
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("%w: %s", ErrInUse, path)
	case errors.As(err, &named), errors.As(err, &plain):
		return fmt.Errorf("window: journal %s: %w", path, err)
	}
	return damaged(path, err)
}
