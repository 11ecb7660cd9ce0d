package temporalwindow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

type readInput struct {
	Region     string
	DesktopIds []string `json:",omitempty"`
	Key        string   `json:",omitempty"`
}

// readResult has the states of the desktops before the window.
type readResult struct {
	Endpoint       string
	AttemptTimeout time.Duration
	Mine           List // not in maintenance: the window takes them in
	AlreadyIn      List // of desktops
	Missing        List
}

// read reads every desktop and decides which desktops the window takes in.
func (a *Activities) read(ctx context.Context, in readInput) (*readResult, error) {
	alive, stop := a.beat(ctx, func() sign { return sign{} })
	defer stop()
	ids, err := a.desktopIDs(alive, in)
	if err != nil {
		return nil, err
	}
	shown, err := a.shown(alive, in.Region, ids)
	if err != nil {
		return nil, errOf(err)
	}
	var (
		mine, missing []string
		alreadyIn     []maintenance.Desktop
	)
	for _, id := range ids {
		d, exists := shown[id]
		switch {
		case !exists:
			missing = append(missing, id)
		case d.MaintenanceState() != maintenance.NotInMaintenance:
			alreadyIn = append(alreadyIn, d)
		default:
			mine = append(mine, id)
		}
	}
	result := &readResult{Endpoint: a.client.Endpoint(in.Region), AttemptTimeout: a.client.RetryPolicy().AttemptTimeout}
	var lists lists
	result.Mine = write(ctx, &lists, a, in.Region, "mine", mine)
	result.AlreadyIn = write(ctx, &lists, a, in.Region, "already-in", alreadyIn)
	result.Missing = write(ctx, &lists, a, in.Region, "missing", missing)
	return result, lists.err
}

// shown returns the desktops that the service shows, by ID.
func (a *Activities) shown(ctx context.Context, region string, ids []string) (map[string]maintenance.Desktop, error) {
	shown := map[string]maintenance.Desktop{}
	for d, err := range a.client.Desktops(ctx, region, maintenance.DesktopFilter{DesktopIds: ids}) {
		if err != nil {
			return nil, err
		}
		shown[d.DesktopId] = d
	}
	return shown, nil
}

// desktopIDs returns the IDs of the input, each once.
func (a *Activities) desktopIDs(ctx context.Context, in readInput) ([]string, error) {
	ids := in.DesktopIds
	if in.Key != "" {
		data, err := a.store.Get(ctx, in.Key)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, errOf(invalid("input.Key", fmt.Sprintf("%q: the store has no such list", in.Key)))
		}
		if err != nil {
			return nil, err
		}
		if ids, err = decode[string](in.Key, data); err != nil {
			return nil, errOf(invalid("input.Key", fmt.Sprintf("%q is not a list of IDs: %v", in.Key, errors.Unwrap(err))))
		}
		if len(ids) == 0 {
			return nil, errOf(invalid("input.Key", fmt.Sprintf("%q is an empty list", in.Key)))
		}
		if err := validateIDs(fmt.Sprintf("input.Key %q", in.Key), in.Region, ids); err != nil {
			return nil, errOf(err)
		}
	}
	return unique(ids), nil
}

// without returns the elements that are not excluded.
func without(ids, excluded []string) []string {
	out := make(map[string]bool, len(excluded))
	for _, id := range excluded {
		out[id] = true
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return out[id] })
}

// unique returns the IDs without duplicates, in order.
func unique(ids []string) []string {
	seen := make(map[string]bool, len(ids))
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		again := seen[id]
		seen[id] = true
		return again
	})
}
