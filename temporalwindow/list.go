package temporalwindow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// List is a list in the Store: a JSON array. The zero List is empty, and not in the Store.
type List struct {
	Key    string `json:",omitempty"`
	Count  int
	SHA256 string `json:",omitempty"` // of the object
}

// Failure is a desktop that the service did not accept.
type Failure struct {
	DesktopId string
	Err       string
}

// ReadList reads a list of a [Report]: strings for IDs, [maintenance.Desktop] for AlreadyIn and
// Busy, [Failure] for Failed. It returns an error if the list differs from the one that the window
// has written.
func ReadList[T any](ctx context.Context, store Store, list List) ([]T, error) {
	if list.Count == 0 {
		return nil, nil
	}
	data, err := store.Get(ctx, list.Key)
	if err != nil {
		return nil, fmt.Errorf("temporalwindow: list %s: %w", list.Key, err)
	}
	if sum := sumOf(data); sum != list.SHA256 {
		return nil, fmt.Errorf("temporalwindow: list %s: its checksum is %s, but %s was written", list.Key, sum, list.SHA256)
	}
	items, err := decode[T](list.Key, data)
	if err == nil && len(items) != list.Count {
		err = fmt.Errorf("temporalwindow: list %s has %d items, but %d were written", list.Key, len(items), list.Count)
	}
	return items, err
}

// PutDesktopIDs writes the desktops of a window to the Store, for the Key of an [Input].
func PutDesktopIDs(ctx context.Context, store Store, key string, desktopIDs []string) error {
	if store == nil {
		return invalid("store", "is nil")
	}
	if key == "" {
		return invalid("key", "is empty")
	}
	if len(desktopIDs) == 0 {
		return invalid("desktopIDs", "is empty")
	}
	if err := validateIDs("desktopIDs", "any", desktopIDs); err != nil {
		return err
	}
	_, err := putList(ctx, store, key, desktopIDs)
	return err
}

func putList[T any](ctx context.Context, store Store, key string, items []T) (List, error) {
	if len(items) == 0 {
		return List{}, nil
	}
	data, err := json.Marshal(items)
	if err == nil {
		err = store.Put(ctx, key, data)
	}
	if err != nil {
		return List{}, fmt.Errorf("temporalwindow: list %s: %w", key, err)
	}
	return List{Key: key, Count: len(items), SHA256: sumOf(data)}, nil
}

func decode[T any](key string, data []byte) (items []T, err error) {
	if err := json.Unmarshal(data, &items); err != nil {
		return nil, fmt.Errorf("temporalwindow: list %s: %w", key, err)
	}
	return items, nil
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// lists keeps the first failure of several writes.
type lists struct{ err error }

func write[T any](ctx context.Context, l *lists, a *Activities, region, name string, items []T) List {
	if l.err != nil {
		return List{}
	}
	written, err := putList(ctx, a.store, key(ctx, region, name), items)
	l.err = err
	return written
}
