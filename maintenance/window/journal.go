package window

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"runtime/debug"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// phase is the phase of a window.
type phase string

const (
	entering phase = "entering"
	working  phase = "working"
	exiting  phase = "exiting"
)

// entry is a window in the journal. Its desktops are those that the window has taken in or was
// about to take in, without those that are known to be out.
type entry struct {
	Name           string
	Region         string
	Endpoint       string
	AttemptTimeout time.Duration
	Phase          phase
	Since          time.Time
	Overdue        time.Time `json:",omitzero"` // when the window began to exit
	LastError      string    `json:",omitempty"`

	desktops []string
	fence    time.Time // the service may carry out an ENTER until then; not in the journal
}

var (
	windowsBucket = []byte("windows") // one value per window, by name
	stateBucket   = []byte("state")
	sumKey        = []byte("sum") // in stateBucket: the checksum over all windows
	sums          = crc32.MakeTable(crc32.Castagnoli)
	order         = binary.BigEndian
)

const sumSize = crc32.Size

// fenceFrom sets the fence for attempts that began before t.
func (e *entry) fenceFrom(t time.Time) {
	e.fence = t.Add(min(e.AttemptTimeout, math.MaxInt64-fenceMargin) + fenceMargin)
}

// encode returns the value of a window: a checksum, the length of the entry as JSON, the JSON, and
// the desktops, one per line. bbolt itself has checksums only for its two meta pages.
func encode(e *entry) ([]byte, error) {
	meta, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	size := sumSize + binary.MaxVarintLen64 + len(meta)
	for _, id := range e.desktops {
		size += len(id) + 1
	}
	value := make([]byte, sumSize, size)
	value = binary.AppendUvarint(value, uint64(len(meta)))
	value = append(value, meta...)
	for i, id := range e.desktops {
		if i > 0 {
			value = append(value, '\n')
		}
		value = append(value, id...)
	}
	order.PutUint32(value, crc32.Checksum(value[sumSize:], sums))
	return value, nil
}

func decode(name, value []byte) (*entry, error) {
	if len(value) < sumSize || order.Uint32(value) != crc32.Checksum(value[sumSize:], sums) {
		return nil, fmt.Errorf("wrong checksum of window %q", name)
	}
	value = value[sumSize:]
	length, n := binary.Uvarint(value)
	if n <= 0 || length > uint64(len(value)-n) {
		return nil, fmt.Errorf("window %q is truncated", name)
	}
	meta, desktops := value[n:n+int(length)], value[n+int(length):]
	e := new(entry)
	if err := json.Unmarshal(meta, e); err != nil {
		return nil, fmt.Errorf("window %q: %w", name, err)
	}
	if e.Name != string(name) || len(desktops) == 0 {
		return nil, fmt.Errorf("window %q has inconsistent data", name)
	}
	e.desktops = strings.Split(string(desktops), "\n")
	return e, nil
}

// journal holds the open windows in a bbolt file. Each change is synced before it returns.
type journal struct {
	db     *bolt.DB
	file   *os.File // of db
	broken error    // bbolt panicked, so it may hold its locks
}

// load reads every window.
func (j *journal) load() (entries map[string]*entry, err error) {
	entries = map[string]*entry{}
	err = j.guard(func() error {
		return j.db.View(func(tx *bolt.Tx) error {
			windows, state := tx.Bucket(windowsBucket), tx.Bucket(stateBucket)
			if windows == nil || state == nil {
				return errors.New("the file is not a window journal")
			}
			if string(state.Get(sumKey)) != string(sumOf(windows)) {
				return errors.New("wrong checksum over all windows")
			}
			return windows.ForEach(func(name, value []byte) error {
				e, err := decode(name, value)
				entries[string(name)] = e
				return err
			})
		})
	})
	return entries, err
}

// sumOf returns a checksum over the names and the checksums of all windows.
func sumOf(windows *bolt.Bucket) []byte {
	sum := crc32.New(sums)
	_ = windows.ForEach(func(name, value []byte) error {
		_, _ = sum.Write(order.AppendUint32(nil, uint32(len(name))))
		_, _ = sum.Write(name)
		_, _ = sum.Write(value[:min(len(value), sumSize)])
		return nil
	})
	return sum.Sum(nil)
}

// put writes a window.
func (j *journal) put(e *entry) error {
	value, err := encode(e)
	if err != nil {
		return err
	}
	return j.update(func(windows *bolt.Bucket) error { return windows.Put([]byte(e.Name), value) })
}

// forget removes a window.
func (j *journal) forget(name string) error {
	return j.update(func(windows *bolt.Bucket) error { return windows.Delete([]byte(name)) })
}

func (j *journal) update(change func(windows *bolt.Bucket) error) error {
	err := j.guard(func() error {
		return j.db.Update(func(tx *bolt.Tx) error {
			windows := tx.Bucket(windowsBucket)
			if err := change(windows); err != nil {
				return err
			}
			return tx.Bucket(stateBucket).Put(sumKey, sumOf(windows))
		})
	})
	if err != nil {
		return fmt.Errorf("window: journal %s: %w", j.db.Path(), err)
	}
	return nil
}

func (j *journal) close() error {
	if j.broken != nil {
		j.abandon()
	}
	return j.guard(func() error { return j.db.Close() })
}

// abandon releases the lock of the file and closes it, when bbolt cannot after a panic.
func (j *journal) abandon() {
	if j.file != nil {
		unlock(j.file)
		_ = j.file.Close()
	}
}

// guard turns a panic of bbolt, and a fault of its memory map, into an error. A full or failing
// disk causes such faults. bbolt may still hold its locks then, so it is not called again.
func (j *journal) guard(fn func() error) (err error) {
	if j.broken != nil {
		return j.broken
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			j.broken = fmt.Errorf("bbolt panicked: %v", p)
			err = j.broken
		}
	}()
	return fn()
}

func damaged(path string, err error) error {
	return fmt.Errorf("window: journal %s is damaged: %w; once none of its desktops is in maintenance, move it away", path, err)
}

// syncDir syncs a directory, so that the name of a new file survives a crash. Not every system
// supports that.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}
