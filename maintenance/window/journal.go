package window

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// phase is how far a window has come.
type phase string

const (
	entering phase = "entering"
	working  phase = "working"
	exiting  phase = "exiting"
)

// entry is a window in the journal. Its desktops are those that the window has taken in, or was about
// to, and that are not known to be out.
type entry struct {
	Name           string
	Region         string
	Endpoint       string
	AttemptTimeout time.Duration
	Phase          phase
	Since          time.Time
	LastError      string `json:",omitempty"`

	desktops []string
}

// lockTimeout is how long the journal is waited for while another process has it.
const lockTimeout = 200 * time.Millisecond

var (
	windowsBucket = []byte("windows")
	metaKey       = []byte("meta")
	desktopsKey   = []byte("desktops")
)

// journal holds the open windows in a bbolt file. Each change is synced before it returns.
type journal struct{ db *bolt.DB }

func openJournal(path string) (_ *journal, entries map[string]*entry, err error) {
	if err := inspect(path); err != nil {
		return nil, nil, err
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: lockTimeout})
	if err != nil {
		return nil, nil, openError(path, err)
	}
	j := &journal{db}
	if entries, err = j.load(); err != nil {
		return nil, nil, errors.Join(damaged(path, err), db.Close())
	}
	return j, entries, nil
}

// inspect looks at a file before it is opened to be written: bbolt takes an empty file for a new one,
// and a page that is beyond the end of the file ends the process.
func inspect(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return openError(path, err)
	case info.Size() == 0:
		return damaged(path, errors.New("the file is empty; remove it if no window can be open"))
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: lockTimeout, ReadOnly: true})
	if err != nil {
		return openError(path, err)
	}
	var size int64
	err = db.View(func(tx *bolt.Tx) error {
		size = tx.Size()
		return nil
	})
	if err == nil && size > info.Size() {
		err = fmt.Errorf("it has %d bytes of %d", info.Size(), size)
	}
	if err != nil {
		err = damaged(path, err)
	}
	return errors.Join(err, db.Close())
}

func openError(path string, err error) error {
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("%w: %s", ErrInUse, path)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return damaged(path, err)
	}
	return fmt.Errorf("window: journal %s: %w", path, err)
}

func damaged(path string, err error) error {
	return fmt.Errorf("window: journal %s is damaged: %w", path, err)
}

// load reads every window. bbolt panics for some kinds of damage.
func (j *journal) load() (entries map[string]*entry, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	entries = map[string]*entry{}
	err = j.db.Update(func(tx *bolt.Tx) error {
		for problem := range tx.Check() {
			return problem
		}
		windows, err := tx.CreateBucketIfNotExists(windowsBucket)
		if err != nil {
			return err
		}
		return windows.ForEachBucket(func(name []byte) error {
			e := new(entry)
			bucket := windows.Bucket(name)
			if err := json.Unmarshal(bucket.Get(metaKey), e); err != nil {
				return fmt.Errorf("window %q: %w", name, err)
			}
			if desktops := string(bucket.Get(desktopsKey)); desktops != "" {
				e.desktops = strings.Split(desktops, "\n")
			}
			entries[e.Name] = e
			return nil
		})
	})
	return entries, err
}

// put writes a window.
func (j *journal) put(e *entry) error {
	meta, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return j.update(func(windows *bolt.Bucket) error {
		bucket, err := windows.CreateBucketIfNotExists([]byte(e.Name))
		if err != nil {
			return err
		}
		return errors.Join(bucket.Put(metaKey, meta), bucket.Put(desktopsKey, []byte(strings.Join(e.desktops, "\n"))))
	})
}

// forget removes a window.
func (j *journal) forget(name string) error {
	return j.update(func(windows *bolt.Bucket) error {
		err := windows.DeleteBucket([]byte(name))
		if errors.Is(err, bolterrors.ErrBucketNotFound) {
			return nil
		}
		return err
	})
}

func (j *journal) update(change func(windows *bolt.Bucket) error) error {
	err := j.db.Update(func(tx *bolt.Tx) error { return change(tx.Bucket(windowsBucket)) })
	if err != nil {
		return fmt.Errorf("window: journal: %w", err)
	}
	return nil
}

func (j *journal) close() error { return j.db.Close() }
