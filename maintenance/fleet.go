package maintenance

import (
	"context"
	"fmt"
	"iter"
	"math"
	"time"

	"golang.org/x/time/rate"
)

// DefaultConcurrency is the largest number of batches of a fleet in flight, without
// [WithConcurrency].
const DefaultConcurrency = 8

// FleetReport is the result of a fleet. Every desktop that the fleet took from the stream is
// counted in Succeeded or listed in Failed.
type FleetReport struct {
	Succeeded int            // accepted desktops; with WithWait: desktops in the mode
	Failed    []DesktopError // all other desktops, in no particular order
	Calls     int            // requests sent, including throttled requests, retries and reads
	Throttled int            // the throttled requests in Calls
	Elapsed   time.Duration
}

// FleetProgress is the progress of a fleet.
type FleetProgress struct {
	Succeeded, Failed int // desktops, as in FleetReport
	Accepted          int // desktops that the service has accepted
	Entering          int // with WithWait: accepted desktops that were entering maintenance when last read
	Calls, Throttled  int // requests, as in FleetReport

	// Rate is the present limit of the fleet in requests per second: that of [WithRequestRate], or
	// the rate that the service allows, as learned so far. It is 0 if there is neither.
	Rate float64
}

// FleetResult is the final outcome of one or more desktops.
type FleetResult struct {
	DesktopIds []string // as they came from the stream
	RequestId  string   // of the accepted request; empty if Err is not nil, or if only reading showed the mode
	Err        error    // nil if the desktops were accepted or, with WithWait, are in the mode; otherwise as in [DesktopError]
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

// WithConcurrency limits the batches in flight to n, which must be positive. The default is
// [DefaultConcurrency]. The fleet holds at most n batches in memory, and 8 more during an outage.
// [WithWait] reads with one more request.
func WithConcurrency(n int) FleetOption {
	return func(s *fleetSettings) error {
		if n < 1 {
			return &ValidationError{"concurrency", fmt.Sprintf("%d is less than 1", n)}
		}
		s.concurrency = n
		return nil
	}
}

// WithRequestRate limits this fleet to a number of requests per second; [WithRateLimiter] limits
// the whole Client. Without it a fleet is as fast as the service allows.
func WithRequestRate(perSecond float64) FleetOption {
	return func(s *fleetSettings) error {
		if !(perSecond > 0) || math.IsInf(perSecond, 1) {
			return &ValidationError{"requestRate", fmt.Sprintf("%v is not a positive number", perSecond)}
		}
		s.requestRate = rate.Limit(perSecond)
		return nil
	}
}

// WithOutageLimit sets the time after which an outage ends a fleet. In an outage requests fail for
// reasons that may pass, and none succeeds. If the service asks for a wait beyond the limit, the
// fleet ends at once. The default is [DefaultOutageLimit]. Throttling is no outage.
func WithOutageLimit(d time.Duration) FleetOption {
	return func(s *fleetSettings) error {
		if d <= 0 {
			return &ValidationError{"outageLimit", fmt.Sprintf("%v is not positive", d)}
		}
		s.outageLimit = d
		return nil
	}
}

// WithWait makes SetFleetMaintenance return when the service shows every accepted desktop in the
// mode, or when ctx ends; [Client.WaitForMaintenance] says what in the mode means. Succeeded then
// counts the desktops in the mode. A desktop that was accepted but is not in the mode fails with
// [ErrPending], and its error text names the connected users. If the outcome of a desktop is
// unknown, the fleet reads its state, and sends it once more if it is neither in the mode nor
// entering it. It fails with [ErrOutcomeUnknown] only if the fleet ends or cannot read before that
// is clear, or if the outcome of the second request is unknown as well.
//
// The fleet remembers every desktop that is not in the mode yet and reads these desktops in rounds,
// 100 per request. The first round comes after a second. The time between rounds grows from two
// seconds to ten, varies by up to a tenth, and is at least a tenth of a second for each request of
// a round. A read is a call with the [RetryPolicy] of the Client. If it fails for a reason that may
// pass, the next round comes as usual, or after the wait that the service asks for. The caller
// needs permission for the RAM action ecd:DescribeDesktops. If RAM denies it, every accepted
// desktop fails at once with an ErrPending that wraps [ErrAccessDenied].
func WithWait() FleetOption {
	return func(s *fleetSettings) error {
		s.wait = true
		return nil
	}
}

// WithProgress makes the fleet call fn after each batch, and at least every 10 seconds while it
// waits. A slow fn misses some states, but never the last one.
//
// Callbacks come one at a time, from a goroutine of the fleet. A panic in one ends the fleet and
// propagates to the caller of SetFleetMaintenance.
func WithProgress(fn func(FleetProgress)) FleetOption {
	return func(s *fleetSettings) error {
		if fn == nil {
			return &ValidationError{"progress", "is nil"}
		}
		s.progress = fn
		return nil
	}
}

// WithResults makes the fleet call fn with the final outcome of desktops, each desktop exactly
// once. One call of fn has the desktops of one accepted request, or desktops that failed for the
// same reason. Callbacks come one at a time, together with those of [WithProgress]. A slow fn slows
// the fleet, so that results do not pile up. A fleet that ends with a panic may leave out desktops.
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
// maintenance, as fast as the service allows. It takes IDs from the stream as it needs them, sends
// them in batches of [MaxDesktopIDs], and holds only a few batches in memory, however long the
// stream is. [slices.Values] makes a stream of a slice. If a slow stream does not fill a batch
// within two seconds, the fleet sends it partly filled.
//
// The error is nil only if every desktop was accepted or, with [WithWait], is in the mode.
// Otherwise it is a *[FleetError] beside a report, or a *[ValidationError] for a parameter other
// than an ID, with a nil report and nothing sent.
//
//   - Throttling slows a fleet down, but fails no desktop and uses up no attempts of the retry
//     policy. The fleets of a Client share the rate that the service allows, as they have learned
//     it for each host. If an hour of throttling passes without a batch that is accepted or
//     refused, or if the service asks for a wait of more than an hour, the fleet ends with an
//     [ErrThrottled].
//   - An outage slows a fleet down too, but fails no desktop. While requests fail for reasons that
//     may pass and none succeeds, the fleet holds all batches and sends one request at a time: the
//     first one as soon as a retry would come, the next one after a second, later ones after up to
//     30 seconds, or all of them after the wait that the service asks for. [WithOutageLimit] ends
//     the fleet. A batch fails when it has used up the attempts of the retry policy while others
//     succeed.
//   - If the service refuses a batch because of its desktops, the fleet reads their state. Desktops
//     that the service does not show fail with [ErrDesktopNotFound], and the fleet sends the others
//     again. If the service shows all of them, or RAM denies ecd:DescribeDesktops, the fleet halves
//     the batch until each bad desktop is alone, so that one bad ID does not block 99 good ones.
//     Until the first success it halves one batch at a time. If every desktop of three batches is
//     refused with the same code before the first success, the fleet ends, unless the code says
//     that a desktop was not found. An ID that [Client.SetMaintenance] would refuse fails without
//     being sent.
//   - A refusal that concerns every call ends the fleet when the requests in flight are done:
//     [ErrAccessDenied], [ErrInvalidCredential], [ErrClockSkew], a wrong region, host or
//     certificate, a final refusal by a proxy.
//   - The end of ctx ends the fleet and its requests in flight at once. If throttling or an outage
//     asks for a wait beyond the deadline of ctx, the fleet ends without that wait.
//
// SetFleetMaintenance returns only when the stream does: a stream that blocks must watch ctx
// itself, because a fleet that has ended still waits until the stream yields or returns. No
// goroutine outlives the call, except one that waits for a credential provider that does not
// answer. A panic in the stream, a callback, a transport or a log handler ends the fleet and
// propagates to the caller.
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

// observed calls run and reports the fleet to the observer of the Client.
func (f *fleet) observed(ctx context.Context, desktopIDs iter.Seq[string]) (report *FleetReport, err error) {
	info := FleetInfo{f.region, f.mode, f.settings.wait}
	ctx, end := started(f.client.observer.Fleet, ctx, info)
	if end != nil {
		err = errEscaped // stays if run panics or calls runtime.Goexit
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
