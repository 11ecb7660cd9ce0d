package window

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// DefaultExitTimeout is the time that a window has to take its desktops out, without
// [WithExitTimeout].
const DefaultExitTimeout = time.Hour

// fenceMargin is how long after the timeout of an attempt the service may still carry the attempt
// out. It is an assumption, and a variable for tests.
var fenceMargin = 10 * time.Second

// Manager runs windows and keeps their journal. It is safe for concurrent use.
type Manager struct {
	client      *maintenance.Client
	path        string // of the journal
	journal     *journal
	exitTimeout time.Duration
	progress    func(Progress) // nil without WithProgress

	mu      sync.Mutex
	closed  bool
	entries map[string]*entry
	running map[string]bool              // names of windows in Run or Recover
	held    map[string]map[string]string // the window of each desktop, by region
}

// Option configures a [Manager].
type Option func(*Manager) error

// WithExitTimeout sets the time that a window has to take its desktops out. The default is
// [DefaultExitTimeout]. Desktops that are not out by then stay in the journal.
func WithExitTimeout(d time.Duration) Option {
	return func(m *Manager) error {
		if d <= 0 {
			return &maintenance.ValidationError{Parameter: "exitTimeout", Reason: fmt.Sprintf("%v is not positive", d)}
		}
		m.exitTimeout = d
		return nil
	}
}

// Open opens the journal at path, or creates it if the file does not exist. It returns [ErrInUse]
// if another Manager has the journal open, in this process or another one. It also fails if the
// file is damaged or cannot be written, or if the journal has windows for another endpoint than the
// client's. The client must be of the account that the windows belong to: Recover forgets desktops
// that the service does not show.
func Open(path string, client *maintenance.Client, opts ...Option) (*Manager, error) {
	switch {
	case path == "":
		return nil, &maintenance.ValidationError{Parameter: "path", Reason: "is empty"}
	case client == nil:
		return nil, &maintenance.ValidationError{Parameter: "client", Reason: "is nil"}
	}
	m := &Manager{client: client, path: path, exitTimeout: DefaultExitTimeout, running: map[string]bool{}, held: map[string]map[string]string{}}
	for i, opt := range opts {
		if opt == nil {
			return nil, &maintenance.ValidationError{Parameter: fmt.Sprintf("opts[%d]", i), Reason: "is nil"}
		}
		if err := opt(m); err != nil {
			return nil, err
		}
	}
	journal, entries, err := openJournal(path)
	if err != nil {
		return nil, err
	}
	m.journal, m.entries = journal, entries
	opened := time.Now() // from now on no other process sends an ENTER
	for _, e := range entries {
		e.fenceFrom(opened)
		if endpoint := client.Endpoint(e.Region); endpoint != e.Endpoint {
			err := fmt.Errorf("window: journal %s has window %q for endpoint %s, but the client calls %s", path, e.Name, e.Endpoint, endpoint)
			return nil, errors.Join(err, journal.close())
		}
		m.hold(e.Region, e.Name, e.desktops)
	}
	told := false
	defer func() {
		if !told { // an observer panicked
			_ = journal.close()
		}
	}()
	for _, e := range entries {
		m.tellState(e, len(e.desktops))
	}
	told = true
	return m, nil
}

// read returns the desktops that the service shows, by ID.
func (m *Manager) read(ctx context.Context, region string, ids []string) (map[string]maintenance.Desktop, error) {
	shown := map[string]maintenance.Desktop{}
	for d, err := range m.client.Desktops(ctx, region, maintenance.DesktopFilter{DesktopIds: ids}) {
		if err != nil {
			return nil, err
		}
		shown[d.DesktopId] = d
	}
	return shown, nil
}

// usable returns an error if Open did not make the Manager.
func (m *Manager) usable() error {
	if m == nil || m.journal == nil {
		return &maintenance.ValidationError{Parameter: "manager", Reason: "is nil or zero: use Open"}
	}
	return nil
}

// Close closes the journal. While a window is running it fails with [ErrUnfinished] and does
// nothing: another process could otherwise take the desktops out.
func (m *Manager) Close() error {
	if err := m.usable(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for name := range m.running {
		return fmt.Errorf("%w: %q is running", ErrUnfinished, name)
	}
	if !m.closed {
		for _, e := range m.entries {
			m.tellState(e, 0)
		}
	}
	m.closed = true
	return m.journal.close()
}

var errClosed = errors.New("window: the journal is closed")

// Unfinished is a window whose desktops are not out yet.
type Unfinished struct {
	Name, Region string
	Since        time.Time // when the window began
	Phase        string    // entering, working or exiting
	DesktopIds   []string  // desktops that may be in maintenance
	Err          string    // the latest failure; empty if there is none
}

// Unfinished returns the windows that a crash or a failure has left unfinished, the oldest first.
// Windows that are running are not among them.
func (m *Manager) Unfinished() ([]Unfinished, error) {
	if err := m.usable(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errClosed
	}
	var unfinished []Unfinished
	for name, e := range m.entries {
		if m.running[name] {
			continue
		}
		unfinished = append(unfinished, Unfinished{
			Name:       e.Name,
			Region:     e.Region,
			Since:      e.Since,
			Phase:      string(e.Phase),
			DesktopIds: slices.Clone(e.desktops),
			Err:        e.LastError,
		})
	}
	slices.SortFunc(unfinished, func(a, b Unfinished) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Name, b.Name)) })
	return unfinished, nil
}

// Abandon removes desktops of an unfinished window from the journal, or the whole window if
// desktopIDs is empty, so that no EXIT is sent to them. Use it when an operator has decided that
// they need none. It fails if the window is running, or does not have one of the desktops.
func (m *Manager) Abandon(name string, desktopIDs ...string) error {
	if err := m.usable(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[name]
	switch {
	case m.closed:
		return errClosed
	case e == nil:
		return fmt.Errorf("window: no unfinished window %q", name)
	case m.running[name]:
		return fmt.Errorf("%w: %q is running", ErrUnfinished, name)
	}
	if unknown := without(desktopIDs, e.desktops); len(unknown) > 0 {
		return fmt.Errorf("window: %q has no desktop %q to abandon", name, unknown[0])
	}
	left := *e
	left.desktops = nil
	if len(desktopIDs) > 0 {
		left.desktops = without(e.desktops, desktopIDs)
	}
	return m.store(&left)
}

// Recover takes out the desktops of all unfinished windows at the same time. Call it when the
// program starts. It ends when ctx ends; for each window it also ends after the time of
// [WithExitTimeout]. Its error joins a [*NotOutError] for each window that has desktops left.
func (m *Manager) Recover(ctx context.Context) ([]*Report, error) {
	if ctx == nil {
		return nil, &maintenance.ValidationError{Parameter: "ctx", Reason: "is nil"}
	}
	unfinished, err := m.Unfinished()
	if err != nil {
		return nil, err
	}
	var (
		group   sync.WaitGroup
		reports = make([]*Report, len(unfinished))
		errs    = make([]error, len(unfinished))
		panics  = make([]any, len(unfinished))
		ended   = make([]bool, len(unfinished)) // false after a panic or a runtime.Goexit
	)
	for i, u := range unfinished {
		group.Go(func() {
			defer func() { panics[i] = recover() }()
			reports[i], errs[i] = m.recover(ctx, u.Name)
			ended[i] = true
		})
	}
	group.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
	if slices.Contains(ended, false) {
		runtime.Goexit()
	}
	return slices.DeleteFunc(reports, func(r *Report) bool { return r == nil }), errors.Join(errs...)
}

// recover takes out the desktops of one window. The report is nil if Abandon or another Recover has
// already done so.
func (m *Manager) recover(ctx context.Context, name string) (*Report, error) {
	e := m.claim(name)
	if e == nil {
		return nil, nil
	}
	defer m.release(e.Region, name)
	report := &Report{Name: name, Began: e.Since}
	x := &exit{manager: m, entry: *e, report: report, doubtful: e.desktops}
	return report, x.run(ctx)
}

// claim marks an unfinished window as running. It returns nil if the window is already running, or
// gone.
func (m *Manager) claim(name string) *entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || m.entries[name] == nil || m.running[name] {
		return nil
	}
	m.running[name] = true
	return m.entries[name]
}

// release undoes claim or reserve. The window keeps the desktops that are in the journal.
func (m *Manager) release(region, name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.running, name)
	m.drop(region, name)
	if e := m.entries[name]; e != nil {
		m.hold(e.Region, e.Name, e.desktops)
	}
}

// reserve reserves the name and the desktops of a new window, or returns ErrUnfinished or
// ErrOverlap.
func (m *Manager) reserve(w *Window) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return errClosed
	}
	if m.entries[w.Name] != nil || m.running[w.Name] {
		return fmt.Errorf("%w: %q", ErrUnfinished, w.Name)
	}
	for _, id := range w.DesktopIds {
		if other, ok := m.held[w.Region][id]; ok {
			return fmt.Errorf("%w: desktop %s is in window %q", ErrOverlap, id, other)
		}
	}
	m.running[w.Name] = true
	m.hold(w.Region, w.Name, w.DesktopIds)
	return nil
}

func (m *Manager) hold(region, name string, desktops []string) {
	if m.held[region] == nil {
		m.held[region] = map[string]string{}
	}
	for _, id := range desktops {
		m.held[region][id] = name
	}
}

func (m *Manager) drop(region, name string) {
	for id, holder := range m.held[region] {
		if holder == name {
			delete(m.held[region], id)
		}
	}
}

// store writes a window to the journal, or removes it if it has no desktop left. The caller holds
// m.mu.
func (m *Manager) store(e *entry) error {
	if len(e.desktops) == 0 {
		if err := m.journal.forget(e.Name); err != nil {
			return err
		}
		delete(m.entries, e.Name)
	} else {
		if err := m.journal.put(e); err != nil {
			return err
		}
		m.entries[e.Name] = e
	}
	if !m.running[e.Name] {
		m.drop(e.Region, e.Name)
		m.hold(e.Region, e.Name, e.desktops)
	}
	m.tellState(e, len(e.desktops))
	return nil
}

// save stores a copy of e. The caller does not hold m.mu.
func (m *Manager) save(e *entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept := *e
	kept.desktops = slices.Clone(e.desktops)
	return m.store(&kept)
}
