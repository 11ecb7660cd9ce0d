package temporalwindow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Store keeps the lists of desktops, which may be too long for the history of a workflow. All
// workers of a task queue share one. It must be as durable as the windows: while a list cannot be
// read, its desktops are not taken out.
//
// A window writes each object once, under a unique key that begins with "ecd-maintenance/", and
// deletes none: delete the objects of finished windows by age. An implementation must be safe for
// concurrent use. For an object storage it takes a few lines:
//
//	func (b bucket) Put(ctx context.Context, key string, data []byte) error {
//		_, err := b.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.name, Key: &key, Body: bytes.NewReader(data)})
//		return err
//	}
//
//	func (b bucket) Get(ctx context.Context, key string) ([]byte, error) {
//		object, err := b.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
//		if err != nil {
//			return nil, err
//		}
//		defer object.Body.Close()
//		return io.ReadAll(object.Body)
//	}
type Store interface {
	// Put writes an object, or replaces it. When it returns nil, every worker can Get the object.
	Put(ctx context.Context, key string, data []byte) error

	// Get reads an object. An error that matches fs.ErrNotExist means that there is no such object;
	// any other error may pass.
	Get(ctx context.Context, key string) ([]byte, error)
}

// Dir is a [Store] in a directory, for workers on one host. Objects are synced to the disk. Network
// file systems are not supported.
type Dir string

var _ Store = Dir("")

// Put writes a file atomically: another process never sees a part of it.
func (d Dir) Put(ctx context.Context, key string, data []byte) error {
	path, err := d.path(ctx, key)
	if err != nil {
		return err
	}
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(folder, ".put-*")
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	// The names of new directories must be synced too.
	for ; len(folder) >= len(filepath.Clean(string(d))); folder = filepath.Dir(folder) {
		if err := syncDir(folder); err != nil {
			return err
		}
		if folder == filepath.Dir(folder) {
			break
		}
	}
	return nil
}

// Get reads a file.
func (d Dir) Get(ctx context.Context, key string) ([]byte, error) {
	path, err := d.path(ctx, key)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

func (d Dir) path(ctx context.Context, key string) (string, error) {
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case d == "":
		return "", errors.New("temporalwindow: the directory of the store is empty")
	case !fs.ValidPath(key) || key == "." || !filepath.IsLocal(filepath.FromSlash(key)) || strings.ContainsRune(key, 0):
		return "", fmt.Errorf("temporalwindow: key %q is not a valid file name", key)
	}
	return filepath.Join(string(d), filepath.FromSlash(key)), nil
}
