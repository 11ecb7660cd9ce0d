package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

const stateVersion = 1

// document is the content of the file of -state.
type document struct {
	Version  int
	Desktops []maintenancetest.DesktopState
}

// loadState returns the desktops of a file, or none if the file does not exist.
func loadState(path string) ([]maintenancetest.DesktopState, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	states, err := decodeState(content)
	if err != nil {
		return nil, fmt.Errorf("%s is damaged (not changed): %w", path, err)
	}
	return states, nil
}

func decodeState(content []byte) ([]maintenancetest.DesktopState, error) {
	if len(bytes.TrimSpace(content)) == 0 {
		return nil, errors.New("file is empty")
	}
	var d document
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return nil, err
	}
	if rest := bytes.TrimSpace(content[decoder.InputOffset():]); len(rest) > 0 {
		return nil, fmt.Errorf("%d bytes follow the JSON document", len(rest))
	}
	if d.Version != stateVersion {
		return nil, fmt.Errorf("field Version is %d, not %d", d.Version, stateVersion)
	}
	if len(d.Desktops) == 0 {
		return nil, errors.New("file has no desktop")
	}
	seen := map[[2]string]bool{}
	for i, state := range d.Desktops {
		key := [2]string{state.Region, state.Desktop.DesktopId}
		if err := maintenance.Validate(state.Region, maintenance.ModeEnter, []string{state.Desktop.DesktopId}); err != nil {
			return nil, fmt.Errorf("desktop %d: %w", i+1, err)
		}
		if seen[key] {
			return nil, fmt.Errorf("desktop %s of %s appears twice", state.Desktop.DesktopId, state.Region)
		}
		seen[key] = true
	}
	return d.Desktops, nil
}

// stateFile saves the desktops of a service. The zero stateFile saves nothing. One goroutine at a
// time uses it.
type stateFile struct {
	path  string
	saved []byte // content of the file
}

// save replaces the whole file if a desktop has changed, so that the file has either the old or the
// new content even after a crash.
func (f *stateFile) save(service *maintenancetest.Service) error {
	if f.path == "" {
		return nil
	}
	content, err := json.MarshalIndent(document{stateVersion, service.Snapshot()}, "", "  ")
	if err != nil {
		return err
	}
	if bytes.Equal(content, f.saved) {
		return nil
	}
	if err := replaceFile(f.path, append(content, '\n')); err != nil {
		return fmt.Errorf("-state: %w", err)
	}
	f.saved = content
	return nil
}

// replaceFile writes a new file beside path, and renames it to path when it is on disk. It follows a
// symbolic link, and keeps the permissions of the old file.
func replaceFile(path string, content []byte) (err error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	if old, err := os.Stat(path); err == nil {
		_ = file.Chmod(old.Mode().Perm()) // not every file system has permissions
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
