package maintenance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/internal/gateway"
)

// Desktop is a cloud computer as DescribeDesktops returns it. Fields that the reply leaves out are
// zero.
type Desktop struct {
	DesktopId, DesktopName, HostName string

	// DesktopStatus says whether the desktop runs: Stopped, Starting, Rebuilding, Running,
	// Stopping, Expired, Deleted or Pending. It does not show maintenance: see
	// [Desktop.MaintenanceState].
	DesktopStatus string
	// ConnectionStatus is Connected, Disconnected or Unknown.
	ConnectionStatus string

	OfficeSiteId, OfficeSiteName string
	DesktopGroupId               string // the pool of the desktop; empty if it belongs to none
	OsType                       string

	ManagementFlags []string  // as the service sent them
	EndUserIds      []string  // the users that may connect
	Sessions        []Session // the users that are connected
	Tags            map[string]string
}

// Session is the connection of an end user to a desktop.
type Session struct {
	EndUserId, ExternalUserName string

	// EstablishmentTime is the time at which the user connected, to the minute: the service sends
	// no seconds.
	EstablishmentTime time.Time
}

// DesktopSession identifies a session: an end user on a desktop.
type DesktopSession struct {
	DesktopId, EndUserId string
}

// MaintenanceState is the maintenance state of a desktop. The values are for display; compare with
// the constants.
type MaintenanceState string

// The states, according to Alibaba Cloud's user guide on maintaining cloud computers. The English
// page of DescribeDesktops has the meanings of the two flags swapped; the guide, the Chinese page
// and the names of the flags agree with each other.
const (
	// NotInMaintenance is the state of a desktop without a maintenance flag: its users can connect.
	NotInMaintenance MaintenanceState = "not in maintenance"

	// EnteringMaintenance (flag EnterMaintenance): the service refuses new connections, and
	// connected users stay connected, possibly for hours. The desktop leaves this state when all of
	// its users have disconnected.
	EnteringMaintenance MaintenanceState = "entering maintenance"

	// InMaintenance (flag UnderMaintenance): nobody is connected, and nobody can connect.
	InMaintenance MaintenanceState = "in maintenance"
)

// MaintenanceState returns the state that ManagementFlags show, in any letter case. A string that
// is itself a JSON array, as in the published example ["[\"NoFlag\"]"], or a JSON object counts as
// the strings in it, at any depth, and a list with commas as its elements. All other flags are
// ignored.
//
// A desktop with both flags, or with UnderMaintenance and a session, is EnteringMaintenance. The
// service does not document these cases, and it would be worse to report a desktop in maintenance
// while a user works on it.
func (d Desktop) MaintenanceState() MaintenanceState {
	state := stateOf(d.ManagementFlags)
	if state == InMaintenance && len(d.Sessions) > 0 {
		return EnteringMaintenance
	}
	return state
}

func stateOf(flags []string) MaintenanceState {
	state := NotInMaintenance
	for _, flag := range flags {
		switch stateOfFlag(flag) {
		case EnteringMaintenance:
			return EnteringMaintenance
		case InMaintenance:
			state = InMaintenance
		}
	}
	return state
}

func stateOfFlag(flag string) MaintenanceState {
	flag = strings.TrimSpace(flag)
	switch {
	case strings.EqualFold(flag, "EnterMaintenance"):
		return EnteringMaintenance
	case strings.EqualFold(flag, "UnderMaintenance"):
		return InMaintenance
	case strings.HasPrefix(flag, "["), strings.HasPrefix(flag, "{"):
		var document any
		_ = json.Unmarshal([]byte(flag), &document)
		return stateOf(stringsIn(document))
	case strings.Contains(flag, ","):
		return stateOf(strings.Split(flag, ","))
	}
	return NotInMaintenance
}

// stringsIn returns the strings in a decoded JSON document, at any depth.
func stringsIn(document any) (all []string) {
	switch document := document.(type) {
	case string:
		all = append(all, document)
	case []any:
		for _, element := range document {
			all = append(all, stringsIn(element)...)
		}
	case map[string]any:
		for _, field := range document {
			all = append(all, stringsIn(field)...)
		}
	}
	return all
}

// DesktopFilter selects desktops. A desktop has to match all fields that are set. The zero value
// selects every desktop of the region, including pooled desktops.
type DesktopFilter struct {
	// DesktopIds holds any number of IDs, which are requested 100 at a time. IDs that do not exist
	// are ignored. Nil selects by the other fields alone; an empty list that is not nil selects
	// nothing.
	DesktopIds []string

	OfficeSiteId   string
	DesktopGroupId string // a pool
	DesktopName    string

	EndUserIds      []string          // users that may connect, at most 100
	DesktopStatuses []string          // for example "Running", at most 10
	Tags            map[string]string // at most 20
}

// The largest numbers that DescribeDesktops accepts, as its reference page says.
const (
	maxEndUserIDs      = 100
	maxDesktopStatuses = 10
	maxTags            = 20
)

func (f *DesktopFilter) validate() error {
	for i, id := range f.DesktopIds {
		if problem := desktopIDProblem(id); problem != "" {
			return &ValidationError{fmt.Sprintf("filter.DesktopIds[%d]", i), problem}
		}
	}
	for _, field := range []struct {
		name         string
		length, most int
	}{
		{"EndUserIds", len(f.EndUserIds), maxEndUserIDs},
		{"DesktopStatuses", len(f.DesktopStatuses), maxDesktopStatuses},
		{"Tags", len(f.Tags), maxTags},
	} {
		if field.length > field.most {
			return &ValidationError{"filter." + field.name, fmt.Sprintf("has %d elements; the limit is %d per call", field.length, field.most)}
		}
	}
	for name, values := range map[string][]string{"EndUserIds": f.EndUserIds, "DesktopStatuses": f.DesktopStatuses} {
		if i := slices.Index(values, ""); i >= 0 {
			return &ValidationError{fmt.Sprintf("filter.%s[%d]", name, i), "is empty"}
		}
	}
	if _, ok := f.Tags[""]; ok {
		return &ValidationError{"filter.Tags", "has an empty key"}
	}
	return nil
}

// Desktops reads the desktops of a region that filter selects (DescribeDesktops). It requests pages
// of 100 desktops as the caller ranges over them, and holds one page in memory. Each range starts
// again from the first page. Desktops that are created or deleted during the range may be missing
// or, if the filter has no DesktopIds, come twice.
//
// An error comes last, with a zero Desktop. Invalid input is a *[ValidationError]; any other error
// is like one of [Client.SetMaintenance], but never an [ErrOutcomeUnknown]. The caller needs
// permission for the RAM action ecd:DescribeDesktops.
func (c *Client) Desktops(ctx context.Context, region string, filter DesktopFilter) iter.Seq2[Desktop, error] {
	return func(yield func(Desktop, error) bool) {
		err := c.validateTarget(ctx, region)
		if err == nil {
			err = filter.validate()
		}
		if err == nil {
			err = c.readDesktops(ctx, region, &filter, &reading{gate: c.gate}, yield)
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(Desktop{}, err)
		}
	}
}

// errStopped ends reading because the caller has left the range.
var errStopped = errors.New("stopped")

// reading is a request for desktops: its settings and its verdict.
type reading struct {
	gate gate
	poll bool    // a poll of a wait
	last verdict // of the latest attempt
}

// readDesktops yields the desktops of a valid filter.
func (c *Client) readDesktops(ctx context.Context, region string, filter *DesktopFilter, r *reading, yield func(Desktop, error) bool) error {
	if filter.DesktopIds == nil {
		return c.readPages(ctx, region, filter, nil, r, yield)
	}
	for ids := range slices.Chunk(unique(filter.DesktopIds), pageSize) {
		if err := c.readPages(ctx, region, filter, ids, r, yield); err != nil {
			return err
		}
	}
	return nil
}

// readPages yields the desktops of one query.
func (c *Client) readPages(ctx context.Context, region string, filter *DesktopFilter, ids []string, r *reading, yield func(Desktop, error) bool) error {
	var tokens tokens
	left := setOf(ids) // those that no page has shown
	for empty := 0; ; {
		page := new(desktopsPage)
		call := c.newCall(describeDesktops(region, filter, ids, tokens.latest), page, r.gate)
		call.poll = r.poll
		requestID, err := call.do(ctx)
		r.last = call.verdict
		if err != nil {
			return err
		}
		problem := page.problem(&tokens)
		if problem == nil && ids != nil {
			problem = page.unasked(left)
		}
		if empty++; len(page.Desktops) > 0 {
			empty = 0
		}
		if problem == nil && empty > maxEmptyPages {
			problem = errEmptyPages
		}
		if problem != nil {
			return call.failed(&ResponseError{StatusCode: call.statusCode, RequestId: requestID, Err: problem})
		}
		for i := range page.Desktops {
			desktop := page.Desktops[i].desktop()
			if desktop.DesktopId == "" {
				continue // the reply has null in place of a desktop
			}
			// The service ignores DesktopGroupId if the request has IDs.
			if ids != nil && filter.DesktopGroupId != "" && desktop.DesktopGroupId != filter.DesktopGroupId {
				continue
			}
			if !yield(desktop, nil) {
				return errStopped
			}
		}
		if tokens.latest == "" {
			return nil
		}
	}
}

// desktopsPage is a reply of DescribeDesktops.
type desktopsPage struct {
	gateway.Envelope
	NextToken any           // nil or a string in a valid reply
	Desktops  []wireDesktop // nil if the reply has no array
}

var (
	errNoDesktops    = errors.New("reply has no list of Desktops")
	errOddToken      = errors.New("NextToken is not a string")
	errTokenRepeated = errors.New("NextToken repeats an earlier page's token")
	errUnasked       = errors.New("reply has a desktop that was not asked for, or one twice")
	errEmptyPages    = errors.New("too many pages without a desktop")
)

// maxEmptyPages is the largest number of consecutive pages without a desktop.
const maxEmptyPages = 100

// unasked takes the desktops of the page from left, and returns the reason why the page is not the
// answer to a query for these IDs, or nil. Such a page says nothing about the desktops that it does
// not show.
func (p *desktopsPage) unasked(left map[string]bool) error {
	for i := range p.Desktops {
		id := p.Desktops[i].DesktopId
		if id == "" {
			continue // null in place of a desktop
		}
		if !left[id] {
			return errUnasked
		}
		delete(left, id)
	}
	return nil
}

// problem takes the token of the next page. It returns the reason why the reply is invalid, or nil.
func (p *desktopsPage) problem(t *tokens) error {
	token, ok := p.NextToken.(string)
	switch {
	case p.Desktops == nil:
		return errNoDesktops
	case !ok && p.NextToken != nil: // treating this as the last page would hide the desktops after it
		return errOddToken
	case !t.take(token):
		return errTokenRepeated
	}
	return nil
}

// tokens detects a NextToken that repeats, for cycles of any length, and remembers only two tokens
// (Brent's algorithm).
type tokens struct {
	latest, kept string
	count, until int
}

func (t *tokens) take(next string) (isNew bool) {
	if next != "" && (next == t.latest || next == t.kept) {
		return false
	}
	if t.count++; t.count > t.until {
		t.kept, t.until, t.count = next, 2*t.until+1, 0
	}
	t.latest = next
	return true
}

// wireDesktop has the fields of a desktop in a reply that this package needs.
type wireDesktop struct {
	DesktopId, DesktopName, HostName, DesktopStatus, ConnectionStatus string
	OfficeSiteId, OfficeSiteName, DesktopGroupId, OsType              string

	ManagementFlags wireFlags
	EndUserIds      []string
	Sessions        []wireSession
	Tags            []struct{ Key, Value string }
}

type wireSession struct{ EndUserId, ExternalUserName, EstablishmentTime string }

func (w *wireDesktop) desktop() Desktop {
	d := Desktop{
		DesktopId:        w.DesktopId,
		DesktopName:      w.DesktopName,
		HostName:         w.HostName,
		DesktopStatus:    w.DesktopStatus,
		ConnectionStatus: w.ConnectionStatus,
		OfficeSiteId:     w.OfficeSiteId,
		OfficeSiteName:   w.OfficeSiteName,
		DesktopGroupId:   w.DesktopGroupId,
		OsType:           w.OsType,
		ManagementFlags:  w.ManagementFlags,
		EndUserIds:       w.EndUserIds,
	}
	if d.DesktopGroupId == "null" { // the service's word for none
		d.DesktopGroupId = ""
	}
	for _, s := range w.Sessions {
		d.Sessions = append(d.Sessions, Session{s.EndUserId, s.ExternalUserName, wireTime(s.EstablishmentTime)})
	}
	for _, tag := range w.Tags {
		if d.Tags == nil {
			d.Tags = make(map[string]string, len(w.Tags))
		}
		d.Tags[tag.Key] = tag.Value
	}
	return d
}

// wireTime parses a time with or without seconds. It returns the zero time for anything else.
func wireTime(s string) time.Time {
	for _, layout := range []string{"2006-01-02T15:04Z07:00", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

// wireFlags accepts ManagementFlags in any form: with a flag overlooked, a desktop in maintenance
// would appear not to be.
type wireFlags []string

func (f *wireFlags) UnmarshalJSON(data []byte) error {
	var elements []json.RawMessage
	switch {
	case json.Unmarshal(data, (*[]string)(f)) == nil:
		return nil
	case json.Unmarshal(data, &elements) == nil:
		*f = nil
		for _, element := range elements {
			*f = append(*f, wireFlag(element))
		}
	default:
		*f = wireFlags{wireFlag(data)}
	}
	return nil
}

// wireFlag returns the value of a JSON string, and other JSON unchanged.
func wireFlag(data []byte) string {
	var flag string
	if json.Unmarshal(data, &flag) != nil {
		return string(data)
	}
	return flag
}

func setOf(ids []string) map[string]bool {
	set := make(map[string]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}

// unique returns the IDs without duplicates, in order.
func unique(ids []string) []string {
	seen := make(map[string]bool, len(ids))
	once := make([]string, 0, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			once = append(once, id)
		}
	}
	return once
}
