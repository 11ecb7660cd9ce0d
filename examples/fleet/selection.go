package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// selection selects desktops by their properties.
type selection struct {
	state, pool, office string
	tags                []string // k=v

	given  bool // a flag of the selection was given
	filter maintenance.DesktopFilter
	states map[maintenance.MaintenanceState]bool // nil for all states
}

// define adds the flags, which have the same meaning for every command.
func (s *selection) define(flags *pflag.FlagSet) {
	flags.StringVar(&s.state, "state", "", "select the desktops in these `states`: in, entering, out, or several of them with commas")
	flags.StringArrayVar(&s.tags, "tag", nil, "select the desktops with the tag `KEY=VALUE`; repeat it to require several tags")
	flags.StringVar(&s.pool, "pool", "", "select the desktops of the pool (desktop group) with this `ID`")
	flags.StringVar(&s.office, "office", "", "select the desktops of the office network with this `ID`")
}

// complete makes a filter from the flags. An empty value is an error: it probably comes from an
// unset variable, and would select every desktop.
func (s *selection) complete(given func(flag string) bool) error {
	for name, value := range map[string]string{"state": s.state, "pool": s.pool, "office": s.office} {
		if given(name) && strings.TrimSpace(value) == "" {
			return fmt.Errorf("--%s is empty", name)
		}
		s.given = s.given || given(name)
	}
	s.given = s.given || given("tag")
	s.filter.DesktopGroupId, s.filter.OfficeSiteId = s.pool, s.office
	for _, tag := range s.tags {
		key, value, found := strings.Cut(tag, "=")
		switch _, again := s.filter.Tags[key]; {
		case !found || key == "" || value == "":
			return fmt.Errorf("--tag %q: must be KEY=VALUE, neither of them empty", tag)
		case again:
			return fmt.Errorf("--tag %s is given more than once, but a desktop has only one value of a tag", key)
		}
		if s.filter.Tags == nil {
			s.filter.Tags = map[string]string{}
		}
		s.filter.Tags[key] = value
	}
	if !given("state") {
		return nil
	}
	var err error
	s.states, err = parseStates(s.state)
	return err
}

// narrows reports whether the selection can exclude any desktop of the region.
func (s *selection) narrows() bool {
	byState := s.states != nil && len(s.states) < len(words)
	return byState || s.pool != "" || s.office != "" || len(s.tags) > 0
}

// has reports whether the selection includes a desktop that matches its filter.
func (s *selection) has(d maintenance.Desktop) bool {
	return s.states == nil || s.states[d.MaintenanceState()]
}

// selected returns the input of a selection. It reads the whole selection, so that nothing is sent
// if reading fails.
func (o *options) selected(ctx context.Context) (*input, error) {
	if !o.selection.narrows() {
		return nil, errors.New("--state with all states selects every desktop of the region; add --tag, --pool or --office, or give IDs")
	}
	client, err := o.client()
	if err != nil {
		return nil, err
	}
	ids, err := o.selection.ids(client.Desktops(ctx, o.region, o.selection.filter))
	var invalid *maintenance.ValidationError
	switch {
	case errors.As(err, &invalid):
		return nil, err
	case err != nil:
		complain("nothing was sent because the selection could not be read: %v", err)
		return nil, errIncomplete
	case len(ids) == 0:
		return nil, errors.New("the selection matches no desktops")
	}
	fmt.Fprintf(os.Stderr, "fleet: %s selected\n", count(len(ids), "desktop"))
	return newListInput(len(ids), slices.Values(ids)), nil
}

// ids returns the IDs of the desktops that the selection includes, without duplicates.
func (s *selection) ids(desktops iter.Seq2[maintenance.Desktop, error]) (ids []string, err error) {
	seen := map[string]bool{}
	for desktop, err := range desktops {
		if err != nil {
			return nil, err
		}
		if id := desktop.DesktopId; s.has(desktop) && !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids, nil
}
