package maintenancetest

import (
	"slices"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// The states that DesktopStatus and DesktopStatusList accept.
var desktopStatuses = []string{"Stopped", "Starting", "Rebuilding", statusRunning, "Stopping", "Expired", "Deleted", "Pending"}

// selection has the filters of a DescribeDesktops request. A desktop has to match every field that
// is not zero.
type selection struct {
	ids        []string // in order, each once; nil for all desktops
	statuses   []string
	endUserIDs []string // a desktop has to have one of these
	tags       []tagFilter
	pooled     *bool

	status, name, site, directory, siteName, pool, group string
}

type tagFilter struct {
	key, value string
	anyValue   bool
}

func readSelection(p *parameters) selection {
	selected := selection{
		ids:        slices.Compact(slices.Sorted(slices.Values(p.list("DesktopId", maxDesktopIDs)))),
		statuses:   p.list("DesktopStatusList", 10),
		status:     p.text("DesktopStatus"),
		endUserIDs: p.list("EndUserId", 100),
		tags:       readTags(p),
		name:       p.text("DesktopName"),
		site:       p.text("OfficeSiteId"),
		directory:  p.text("DirectoryId"), // the same as OfficeSiteId
		siteName:   p.text("OfficeSiteName"),
		pool:       p.text("DesktopGroupId"),
		group:      p.text("GroupId"), // an older name for a pool
	}
	if selected.ids != nil {
		selected.pool = ""
	}
	for _, status := range slices.Concat(selected.statuses, []string{selected.status}) {
		if status != "" && !slices.Contains(desktopStatuses, status) {
			p.refuse(invalid("DesktopStatus"))
		}
	}
	// FilterDesktopGroup leaves out pooled desktops, whatever the other filters are.
	leaveOut, only := p.boolean("FilterDesktopGroup", true), p.boolean("OnlyDesktopGroup", false)
	switch {
	case leaveOut && only:
		selected.ids = []string{}
	case leaveOut, only:
		selected.pooled = &only
	}
	return selected
}

func readTags(p *parameters) []tagFilter {
	var tags []tagFilter
	for p.query.Has(element("Tag", len(tags)) + ".Key") {
		if len(tags) == 20 {
			p.refuse(invalid("Tag"))
			return nil
		}
		name := element("Tag", len(tags))
		value, given := p.optional(name + ".Value")
		tags = append(tags, tagFilter{p.text(name + ".Key"), value, !given})
	}
	return tags
}

func (s *selection) matches(d *maintenance.Desktop) bool {
	for _, wanted := range []struct{ value, of string }{
		{s.status, d.DesktopStatus},
		{s.name, d.DesktopName},
		{s.site, d.OfficeSiteId},
		{s.directory, d.OfficeSiteId},
		{s.siteName, d.OfficeSiteName},
		{s.pool, d.DesktopGroupId},
		{s.group, d.DesktopGroupId},
	} {
		if wanted.value != "" && wanted.value != wanted.of {
			return false
		}
	}
	switch {
	case s.pooled != nil && *s.pooled != (d.DesktopGroupId != ""):
		return false
	case s.statuses != nil && !slices.Contains(s.statuses, d.DesktopStatus):
		return false
	case s.endUserIDs != nil && !slices.ContainsFunc(s.endUserIDs, func(id string) bool { return slices.Contains(d.EndUserIds, id) }):
		return false
	}
	for _, tag := range s.tags {
		if value, has := d.Tags[tag.key]; !has || !tag.anyValue && value != tag.value {
			return false
		}
	}
	return true
}
