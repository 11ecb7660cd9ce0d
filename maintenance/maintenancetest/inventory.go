package maintenancetest

import (
	"maps"
	"slices"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// inventory has the desktops of a region. A nil inventory has none.
type inventory struct {
	byID    map[string]*desktop
	ids     []string // keys of byID
	ordered bool     // ids is sorted
}

func (i *inventory) get(id string) *desktop {
	if i == nil {
		return nil
	}
	return i.byID[id]
}

// grow makes room for n more desktops.
func (i *inventory) grow(n int) {
	if len(i.byID) == 0 {
		i.byID = make(map[string]*desktop, n)
	}
	i.ids = slices.Grow(i.ids, n)
}

func (i *inventory) put(id string, d *desktop) {
	if i.byID[id] == nil {
		i.ids = append(i.ids, id)
		i.ordered = false
	}
	i.byID[id] = d
}

func (i *inventory) remove(ids []string) {
	if i == nil {
		return
	}
	for _, id := range ids {
		delete(i.byID, id)
	}
	i.ids = slices.DeleteFunc(i.ids, func(id string) bool { return i.byID[id] == nil })
}

// inOrder returns all IDs in order. It sorts only after desktops were added, not for each page.
func (i *inventory) inOrder() []string {
	if i == nil {
		return nil
	}
	if !i.ordered {
		slices.Sort(i.ids)
		i.ordered = true
	}
	return i.ids
}

// inventory returns the desktops of a region, and adds the region if it is new. The caller holds
// the lock.
func (s *Service) inventory(region string) *inventory {
	s.addRegion(region)
	if s.desktops[region] == nil {
		s.desktops[region] = &inventory{byID: map[string]*desktop{}}
	}
	return s.desktops[region]
}

// clone returns a copy of d that shares nothing with it.
func clone(d maintenance.Desktop) maintenance.Desktop {
	d.ManagementFlags = slices.Clone(d.ManagementFlags)
	d.EndUserIds = slices.Clone(d.EndUserIds)
	d.Sessions = slices.Clone(d.Sessions)
	d.Tags = maps.Clone(d.Tags)
	return d
}
