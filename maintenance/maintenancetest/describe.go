package maintenancetest

import "slices"

const (
	maxPage     = 100
	defaultPage = 10
)

// describeDesktops lists desktops in the order of their IDs. It refuses filters of the API that
// [selection] lacks, so that no test passes because the service ignored a filter.
func (s *Service) describeDesktops(x *exchange) *failure {
	p := newParameters(x.query)
	selected := readSelection(p)
	size := p.number("MaxResults", 1, maxPage, defaultPage)
	given, _ := p.optional("NextToken")
	if failed := p.end(); failed != nil {
		return failed
	}
	position, ok := s.tokens.read(given, x.query)
	if !ok {
		return invalid("NextToken")
	}
	page := s.desktops[x.region].page(selected, position, size)
	for _, d := range page.desktops {
		d.settle(x.now)
	}
	x.result = page.document(x.requestID, s.tokens, x.query)
	return nil
}

// page is a page of the selected desktops.
type page struct {
	desktops []*desktop
	total    int  // number of selected desktops on all pages
	last     bool // no page follows
}

// page returns up to size desktops after a position. It counts all selected desktops only for the
// first page, so that the cost of the other pages does not grow with the region.
func (i *inventory) page(selected selection, after position, size int) page {
	ids := i.inOrder()
	if selected.ids != nil {
		ids = selected.ids
	}
	found := page{total: after.total, last: true}
	first := 0
	if after.id == "" {
		found.total = i.count(ids, selected)
	} else if at, present := slices.BinarySearch(ids, after.id); present {
		first = at + 1
	} else {
		first = at
	}
	for _, id := range ids[first:] {
		d := i.get(id)
		if d == nil || !selected.matches(&d.shown) {
			continue
		}
		if len(found.desktops) == size {
			found.last = false
			break
		}
		found.desktops = append(found.desktops, d)
	}
	return found
}

func (i *inventory) count(ids []string, selected selection) (matching int) {
	for _, id := range ids {
		if d := i.get(id); d != nil && selected.matches(&d.shown) {
			matching++
		}
	}
	return matching
}
