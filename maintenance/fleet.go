package maintenance

import (
	"context"
	"fmt"
	"iter"
	"math"
	"time"

	"golang.org/x/time/rate"
)

// DefaultConcurrency is how many requests of a fleet are in flight at most, without [WithConcurrency].
const DefaultConcurrency = 8

// FleetReport says what became of a fleet. Every desktop that was taken from the stream is counted
// in Succeeded or listed in Failed.
type FleetReport struct {
	Succeeded int            // desktops that were accepted; with WithWait: that are in the mode
	Failed    []DesktopError // the others, in no order
	Calls     int            // requests sent, throttled ones, retries and reads included
	Throttled int            // throttled requests, out of Calls
	Elapsed   time.Duration
}

// FleetProgress is how far a fleet has come.
type FleetProgress struct {
	Succeeded, Failed int // desktops, as in FleetReport
	Accepted          int // desktops that the service has accepted
	Entering          int // of them, with WithWait: shown on their way when they were last read
	Calls, Throttled  int // requests, as in FleetReport

	// Rate is how many requests a second are sent at most, at present. It is 0 while nothing but the concurrency limits
	// them.
	Rate float64
}

// FleetResult is the final outcome of desktops that share it.
type FleetResult struct {
	DesktopIds []string // as they came from the stream
	RequestId  string   // of the request that was accepted; empty if Err is not nil, or if reading showed the mode
	Err        error    // nil if they were accepted or, with WithWait, are in the mode; otherwise as in [DesktopError]
}

// FleetOption configures one call of [Client.SetFleetMaintenance].
type FleetOption func(*fleetSettings) error

type fleetSettings struct {
	concurrency int
	requestRate rate.Limit
	outageLimit time.Duration
	wait        bool
	progress    func(FleetProgress)
	results     func(FleetResult)
}

// WithConcurrency sets how many requests are in flight and how many batches are held at most;
// [DefaultConcurrency] without it.
func WithConcurrency(n int) FleetOption {
	return func(s *fleetSettings) error {
		if n < 1 {
			return &ValidationError{"concurrency", fmt.Sprintf("%d is less than 1", n)}
		}
		s.concurrency = n
		return nil
	}
}

// WithRequestRate bounds the requests a second of this fleet; see [WithRateLimiter] for those of the
// whole Client. Without it a fleet is as fast as the service allows.
func WithRequestRate(perSecond float64) FleetOption {
	return func(s *fleetSettings) error {
		if !(perSecond > 0) || math.IsInf(perSecond, 1) {
			return &ValidationError{"requestRate", fmt.Sprintf("%v is not a positive number", perSecond)}
		}
		s.requestRate = rate.Limit(perSecond)
		return nil
	}
}

// WithOutageLimit sets how long a fleet goes on while nothing succeeds and its requests fail for a
// reason that may pass; [DefaultOutageLimit] without it. Throttling is no outage.
func WithOutageLimit(d time.Duration) FleetOption {
	return func(s *fleetSettings) error {
		if d <= 0 {
			return &ValidationError{"outageLimit", fmt.Sprintf("%v is not positive", d)}
		}
		s.outageLimit = d
		return nil
	}
}

// WithWait makes SetFleetMaintenance return when the service shows every accepted desktop in the mode,
// or when ctx ends: see [Client.WaitForMaintenance] for when that is. Succeeded counts the desktops
// that are in the mode then. Desktops that are accepted and not in the mode are [ErrPending], with the
// connected users in the text.
//
// The fleet reads a desktop of unknown outcome, and sends it once more if it is neither in the mode nor
// on its way. After an ENTER it stays [ErrOutcomeUnknown] only if reading fails too. After an EXIT it
// also does if the second request got no answer either and the desktop is still shown in maintenance:
// the service does not show whether a desktop is on its way out.
//
// The fleet remembers every desktop that is not there yet. It reads them in rounds, 100 a request: a
// second after the first ones are accepted, less and less often up to every ten seconds, or every
// tenth of a second for each request of a round. A failure that may pass costs a round. The caller
// needs the RAM action ecd:DescribeDesktops; if it is denied, every accepted desktop is an
// ErrPending that wraps [ErrAccessDenied], at once.
func WithWait() FleetOption {
	return func(s *fleetSettings) error {
		s.wait = true
		return nil
	}
}

// WithProgress has fn called after each batch, and at least every 10 seconds while the fleet waits.
// A slow fn misses states, but never the last one.
//
// Callbacks come one at a time, from a goroutine of the fleet. A panic in one ends the fleet and
// reaches the caller of SetFleetMaintenance.
func WithProgress(fn func(FleetProgress)) FleetOption {
	return func(s *fleetSettings) error {
		if fn == nil {
			return &ValidationError{"progress", "is nil"}
		}
		s.progress = fn
		return nil
	}
}

// WithResults has fn called for each desktop exactly once, when its outcome is final: with the
// desktops that one request was accepted for, or that failed for one reason. Callbacks come one at
// a time, as those of [WithProgress] do. A slow fn slows the fleet, so that no results pile up. A
// fleet that ends with a panic need not tell every desktop.
func WithResults(fn func(FleetResult)) FleetOption {
	return func(s *fleetSettings) error {
		if fn == nil {
			return &ValidationError{"results", "is nil"}
		}
		s.results = fn
		return nil
	}
}

// SetFleetMaintenance asks the service to take any number of desktops of a region into or out of
// maintenance, as fast as the service allows. It takes the IDs from the stream as it needs them
// ([slices.Values] makes a stream of a slice), sends them in batches of [MaxDesktopIDs], and holds
// no more than a few batches however long the stream is. A batch that a slow stream does not fill
// within two seconds is sent as it is.
//
// The error is nil only if every desktop was accepted or, with [WithWait], is in the mode; otherwise it
// is a *[FleetError]. The report is there in both cases; it is nil only for a *[ValidationError] of another parameter than the
// IDs, with which nothing has begun.
//
//   - Throttling costs time, and neither desktops nor attempts of the retry policy: the fleets of a
//     Client learn together the rate that the service allows, for each host. A fleet ends when an
//     hour has brought nothing but throttling, or if the service asks for a wait of more than an
//     hour, with an [ErrThrottled].
//   - An outage costs time, and no desktops either. While requests fail for a reason that may pass
//     and nothing succeeds, all batches are held, and one request at a time is sent: after a second
//     at first, after 30 seconds at most, or when the service's hint says. [WithOutageLimit] ends
//     the fleet. A batch fails when it has used up the attempts of the retry policy while others
//     succeed.
//   - A batch that is refused for what is in it is read back: desktops that the service does not show
//     are an [ErrDesktopNotFound], and the others are sent again. If that explains nothing, or the RAM
//     action ecd:DescribeDesktops is denied, the batch is halved until the offenders stand alone, so one
//     bad ID does not keep 99 good ones from being accepted. Until the first success one batch is
//     halved at a time. Three batches of which every desktop is refused with the same code end the
//     fleet, unless the code says that a desktop was not found. An ID that [Client.SetMaintenance]
//     would not send is reported and left out.
//   - A refusal that concerns every call ends the fleet after the requests in flight:
//     [ErrAccessDenied], [ErrInvalidCredential], [ErrClockSkew], a wrong region, host or
//     certificate, a proxy that refuses.
//   - The end of ctx ends the fleet at once, the requests in flight included. A wait that would
//     exceed its deadline is not begun.
//
// SetFleetMaintenance waits for the stream: a stream that blocks has to watch ctx itself, and keeps
// a fleet that has ended from returning until it yields or ctx ends. No goroutine outlives the call,
// except one that asks a credential provider that does not answer. A panic of the stream, of a
// callback, a transport or a log handler ends the fleet and reaches the caller.
func (c *Client) SetFleetMaintenance(ctx context.Context, region string, mode Mode, desktopIDs iter.Seq[string], opts ...FleetOption) (*FleetReport, error) {
	if err := c.validateTarget(ctx, region); err != nil {
		return nil, err
	}
	mode, err := ParseMode(string(mode))
	if err != nil {
		return nil, err
	}
	if desktopIDs == nil {
		return nil, &ValidationError{"desktopIDs", "is nil"}
	}
	s := fleetSettings{concurrency: DefaultConcurrency, requestRate: rate.Inf, outageLimit: DefaultOutageLimit}
	for i, opt := range opts {
		if opt == nil {
			return nil, &ValidationError{fmt.Sprintf("opts[%d]", i), "is nil"}
		}
		if err := opt(&s); err != nil {
			return nil, err
		}
	}
	host := c.endpoint.of(region).host
	pace, done := c.paces.use(paceKey{host, actionSetMaintenance})
	defer done()
	readPace, done := c.paces.use(paceKey{host, actionDescribeDesktops})
	defer done()
	f := &fleet{
		client:   c,
		region:   region,
		mode:     mode,
		settings: s,
		began:    time.Now(),
		pacer:    newPacer(s.requestRate, c.limiter, pace, readPace),
		pace:     pace,
		readPace: readPace,
		changed:  make(chan struct{}, 1),
		room:     make(chan struct{}, 1),
		news:     make(chan struct{}, 1),
		over:     make(chan struct{}),
		watching: watching{desktops: map[string]*watched{}, due: make(chan struct{}, 1)},
	}
	f.pacer.patience = f.patience
	f.pacer.keyed = func() {
		if !f.keyed.Swap(true) {
			wake(f.changed)
		}
	}
	return f.observed(ctx, desktopIDs)
}

// observed is run, with the observer of the Client.
func (f *fleet) observed(ctx context.Context, desktopIDs iter.Seq[string]) (report *FleetReport, err error) {
	info := FleetInfo{f.region, f.mode, f.settings.wait}
	ctx, end := started(f.client.observer.Fleet, ctx, info)
	if end != nil {
		err = errEscaped // unless it returns
		defer func() { end(FleetEnd{report, err}) }()
	}
	if tell := f.client.observer.FleetProgress; tell != nil {
		told := f.settings.progress
		f.settings.progress = func(p FleetProgress) {
			tell(ctx, info, p)
			if told != nil {
				told(p)
			}
		}
	}
	return f.run(ctx, desktopIDs)
}
