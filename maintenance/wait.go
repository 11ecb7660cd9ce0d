package maintenance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	// DefaultPollInterval is the longest time between two polls of a wait, without
	// [WithPollInterval].
	DefaultPollInterval = 10 * time.Second

	minPollInterval = time.Second

	// firstPoll is the time between the first and the second poll. The time doubles after each
	// poll, up to the interval.
	firstPoll = time.Second
)

// WaitOption configures one call of [Client.WaitForMaintenance].
type WaitOption func(*waitSettings) error

type waitSettings struct {
	interval time.Duration
	progress func(pending []Desktop)
}

// WithPollInterval sets the longest time between two polls, at least one second. Each time varies
// by up to a tenth. The default is [DefaultPollInterval].
func WithPollInterval(d time.Duration) WaitOption {
	return func(s *waitSettings) error {
		if d < minPollInterval {
			return &ValidationError{"pollInterval", fmt.Sprintf("%v is less than %v", d, minPollInterval)}
		}
		s.interval = d
		return nil
	}
}

// WithWaitProgress makes the goroutine that called [Client.WaitForMaintenance] call fn after each
// poll, except one that finds every desktop in the mode, with the desktops that are not in it yet.
func WithWaitProgress(fn func(pending []Desktop)) WaitOption {
	return func(s *waitSettings) error {
		if fn == nil {
			return &ValidationError{"waitProgress", "is nil"}
		}
		s.progress = fn
		return nil
	}
}

// WaitForMaintenance returns when the service shows every desktop in the mode: in maintenance for
// ENTER, which it is only after all of its users have disconnected, and without a maintenance flag
// for EXIT. It only reads: any number of desktops, 100 per request. It polls at once, again after a
// second, and then less often, up to the poll interval. It reads only the desktops that are not in
// the mode yet.
//
// Its error is a *[ValidationError] for invalid input, and otherwise a *[WaitError]. Desktops that
// do not exist do not delay it: the wait ends when only they are left. It polls again after a
// failure that may pass, for as long as ctx allows. A failure that concerns every call, such as
// [ErrAccessDenied], ends the wait at once, and so does the end of ctx. The caller needs permission
// for the RAM action ecd:DescribeDesktops.
func (c *Client) WaitForMaintenance(ctx context.Context, region string, mode Mode, desktopIDs []string, opts ...WaitOption) error {
	if err := c.validateTarget(ctx, region); err != nil {
		return err
	}
	mode, err := ParseMode(string(mode))
	if err != nil {
		return err
	}
	if len(desktopIDs) == 0 {
		return &ValidationError{"desktopIDs", "is empty"}
	}
	for i, id := range desktopIDs {
		if problem := desktopIDProblem(id); problem != "" {
			return &ValidationError{fmt.Sprintf("desktopIDs[%d]", i), problem}
		}
	}
	s := waitSettings{interval: DefaultPollInterval}
	for i, opt := range opts {
		if opt == nil {
			return &ValidationError{fmt.Sprintf("opts[%d]", i), "is nil"}
		}
		if err := opt(&s); err != nil {
			return err
		}
	}
	w := &wait{client: c, region: region, mode: mode, settings: s, pending: unique(desktopIDs), seen: map[string]Desktop{}}
	return w.observed(ctx)
}

// wait is one call of WaitForMaintenance.
type wait struct {
	client   *Client
	region   string
	mode     Mode
	settings waitSettings

	pending []string           // in the caller's order
	seen    map[string]Desktop // the pending desktops that the latest poll has shown
	polled  bool               // a poll has read every pending desktop
	health  readingHealth
	after   string        // the last of the desktops that the latest poll failed to read
	last    error         // of the latest poll
	hint    time.Duration // of last
}

// observed calls run and reports the wait to the observer of the Client.
func (w *wait) observed(ctx context.Context) error {
	info := WaitInfo{w.region, w.mode, len(w.pending)}
	ctx, end := started(w.client.observer.Wait, ctx, info)
	err := errEscaped // stays if run panics or calls runtime.Goexit
	if end != nil {
		defer func() { end(WaitEnd{err}) }()
	}
	err = w.run(ctx, info)
	return err
}

func (w *wait) run(ctx context.Context, info WaitInfo) error {
	interval := min(firstPoll, w.settings.interval)
	for {
		previous := w.last
		final := w.poll(ctx)
		if tell := w.client.observer.Poll; tell != nil {
			tell(ctx, info, PollResult{len(w.pending), w.last})
		}
		if len(w.pending) == 0 {
			return nil
		}
		if w.settings.progress != nil {
			w.settings.progress(w.desktops())
		}
		switch {
		case ctx.Err() != nil:
			return w.failed(w.ended(ctx, previous))
		case final:
			return w.failed(w.last)
		case w.polled && len(w.seen) == 0:
			return w.failed(nil)
		}
		if !sleep(ctx, w.until(ctx, interval)) {
			return w.failed(w.ended(ctx, previous))
		}
		interval = min(2*interval, w.settings.interval)
	}
}

// until returns the time to the next poll: the interval with jitter, or the wait that the service
// asks for. If the deadline of ctx comes first, it returns half of the time that is left, unless
// that is less than a second.
func (w *wait) until(ctx context.Context, interval time.Duration) time.Duration {
	next := max(interval+time.Duration((rand.Float64()-0.5)/5*float64(interval)), w.hint)
	if deadline, ok := ctx.Deadline(); ok && w.hint == 0 {
		if left := time.Until(deadline); next >= left && left/2 >= minPollInterval {
			return left / 2
		}
	}
	return next
}

// poll reads the pending desktops. It reports whether a failure of the reading ends the wait. The
// next poll begins after the desktops that could not be read, so that these do not block the
// others.
func (w *wait) poll(ctx context.Context) (final bool) {
	w.last, w.hint = nil, 0
	i := slices.Index(w.pending, w.after) + 1
	w.after = ""
	there := map[string]bool{}
	defer func() {
		w.pending = slices.DeleteFunc(w.pending, func(id string) bool { return there[id] })
	}()
	for ids := range slices.Chunk(slices.Concat(w.pending[i:], w.pending[:i]), pageSize) {
		reading := &reading{gate: w.client.gate, poll: true}
		shown := map[string]Desktop{}
		filter := &DesktopFilter{DesktopIds: ids}
		w.last = w.client.readDesktops(ctx, w.region, filter, reading, func(d Desktop, _ error) bool {
			shown[d.DesktopId] = d
			return true
		})
		if w.last != nil {
			w.hint = hintOf(w.last)
			w.after = ids[len(ids)-1]
			return w.health.ends(reading.last)
		}
		w.health.worked()
		w.learn(ids, shown, there)
	}
	w.polled = true
	return false
}

// maxOddReplies is the number of consecutive invalid replies that ends a wait.
const maxOddReplies = 3

// readingHealth decides which failure of reading ends a wait.
type readingHealth struct {
	hasWorked bool
	odd       int // consecutive invalid replies
	renewals  int // consecutive failures that a new key or a corrected clock may resolve
}

func (h *readingHealth) worked() { *h = readingHealth{hasWorked: true} }

// ends reports whether a failure ends the wait: a failure that concerns every call or the desktops
// in the request, a key that stays expired, or several invalid replies in a row. A failure that may
// pass does not.
func (h *readingHealth) ends(v verdict) bool {
	switch {
	case v.retry.atOnce():
		h.renewals++
		return h.renewals > 1 || !h.hasWorked
	case v.scope == everyCall:
		return v.retry == noRetry || !h.hasWorked
	case v.scope == theDesktops:
		return true
	case v.retry == noRetry:
		h.odd++
		return h.odd >= maxOddReplies
	}
	h.odd = 0
	return false
}

// learn takes the state of the desktops ids from a reply, and adds those that are in the mode to
// there.
func (w *wait) learn(ids []string, shown map[string]Desktop, there map[string]bool) {
	for _, id := range ids {
		d, exists := shown[id]
		switch {
		case !exists:
			delete(w.seen, id)
		case d.is(w.mode):
			delete(w.seen, id)
			there[id] = true
		default:
			w.seen[id] = d
		}
	}
}

// is reports whether the service shows the desktop in the mode.
func (d Desktop) is(mode Mode) bool {
	if mode == ModeEnter {
		return d.MaintenanceState() == InMaintenance
	}
	return d.MaintenanceState() == NotInMaintenance
}

// desktops returns the pending desktops. Before the first poll only their IDs are known.
func (w *wait) desktops() (pending []Desktop) {
	for _, id := range w.pending {
		if d, ok := w.seen[id]; ok {
			pending = append(pending, d)
		} else if !w.polled {
			pending = append(pending, Desktop{DesktopId: id})
		}
	}
	return pending
}

// ended returns the error of ctx, with the failure of the latest poll that ctx did not interrupt.
func (w *wait) ended(ctx context.Context, previous error) error {
	reason, last := contextError(ctx), w.last
	var read *OperationError
	if errors.As(last, &read) && textOf(read.Err) == textOf(reason) {
		last = previous
	}
	if last == nil {
		return reason
	}
	return fmt.Errorf("%w; the last failure was %w", reason, last)
}

func (w *wait) failed(err error) error {
	e := &WaitError{Region: w.region, Mode: w.mode, Pending: w.desktops(), Err: err}
	if w.polled {
		for _, id := range w.pending {
			if _, ok := w.seen[id]; !ok {
				e.Missing = append(e.Missing, id)
			}
		}
	}
	return e
}

// hintOf returns the wait that the service asks for with an error, or 0.
func hintOf(err error) time.Duration {
	var (
		refused   *APIError
		malformed *ResponseError
		proxy     *proxyRefusal
	)
	switch {
	case errors.As(err, &refused):
		return refused.RetryAfter
	case errors.As(err, &malformed):
		return malformed.RetryAfter
	case errors.As(err, &proxy):
		return proxy.retryAfter
	}
	return 0
}
