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
	Overdue        time.Time `json:",omitzero"` // since when it is exiting
	LastError      string    `json:",omitempty"`

	desktops []string
	fence    time.Time // an ENTER may still be carried out until then; not in the journal
}

var (
	windowsBucket = []byte("windows") // a value for each window, by name
	stateBucket   = []byte("state")
	sumKey        = []byte("sum") // in stateBucket: over all windows
	sums          = crc32.MakeTable(crc32.Castagnoli)
	order         = binary.BigEndian
)

const sumSize = crc32.Size

// fenceFrom sets the fence for attempts that began before a time.
func (e *entry) fenceFrom(t time.Time) {
	e.fence = t.Add(min(e.AttemptTimeout, math.MaxInt64-fenceMargin) + fenceMargin)
}

// encode returns the value of a window: a checksum, the length of the entry as JSON, that, and the
// desktops, one a line. bbolt has no checksums but those of its two meta pages.
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
		return nil, fmt.Errorf("the checksum of window %q is wrong", name)
	}
	value = value[sumSize:]
	length, n := binary.Uvarint(value)
	if n <= 0 || length > uint64(len(value)-n) {
		return nil, fmt.Errorf("window %q is cut off", name)
	}
	meta, desktops := value[n:n+int(length)], value[n+int(length):]
	e := new(entry)
	if err := json.Unmarshal(meta, e); err != nil {
		return nil, fmt.Errorf("window %q: %w", name, err)
	}
	if e.Name != string(name) || len(desktops) == 0 {
		return nil, fmt.Errorf("window %q is not what was written", name)
	}
	e.desktops = strings.Split(string(desktops), "\n")
	return e, nil
}

// journal holds the open windows in a bbolt file. Each change is synced before it returns.
type journal struct {
	db     *bolt.DB
	file   *os.File // of db
	broken error    // bbolt has panicked, and may hold its locks
}

// load reads every window.
func (j *journal) load() (entries map[string]*entry, err error) {
	entries = map[string]*entry{}
	err = j.guard(func() error {
		return j.db.View(func(tx *bolt.Tx) error {
			windows, state := tx.Bucket(windowsBucket), tx.Bucket(stateBucket)
			if windows == nil || state == nil {
				return errors.New("it is not the journal of a window")
			}
			if string(state.Get(sumKey)) != string(sumOf(windows)) {
				return errors.New("a window is missing or of another time")
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

// sumOf is a checksum over the names of all windows and their checksums.
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

// abandon gives up the lock of the file and closes it, after a panic that keeps bbolt from doing so.
func (j *journal) abandon() {
	if j.file != nil {
		unlock(j.file)
		_ = j.file.Close()
	}
}

// guard makes an error of a panic of bbolt, and of a fault of its memory map, which a disk that is
// full or fails causes. bbolt may hold its locks then, so it is not called again.
func (j *journal) guard(fn func() error) (err error) {
	if j.broken != nil {
		return j.broken
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			j.broken = fmt.Errorf("bbolt has panicked: %v", p)
			err = j.broken
		}
	}()
	return fn()
}

func damaged(path string, err error) error {
	return fmt.Errorf("window: journal %s is damaged: %w; move it away when no desktop of its windows is in maintenance", path, err)
}

// syncDir makes a new file's name last. Not every system can.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}
