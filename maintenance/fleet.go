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
	Succeeded int            // desktops that were accepted
	Failed    []DesktopError // the others, in no order
	Calls     int            // requests sent, throttled ones and retries included
	Throttled int            // throttled requests, out of Calls
	Elapsed   time.Duration
}

// FleetProgress is how far a fleet has come.
type FleetProgress struct {
	Succeeded, Failed int // desktops
	Calls, Throttled  int // requests, as in FleetReport

	// Rate is how many requests a second are sent at most, at present. It is 0 while nothing but the concurrency limits
	// them.
	Rate float64
}

// FleetOption configures one call of [Client.SetFleetMaintenance].
type FleetOption func(*fleetSettings) error

type fleetSettings struct {
	concurrency int
	requestRate rate.Limit
	progress    func(FleetProgress)
}

// WithConcurrency sets how many requests are in flight at most, and how many batches are held; [DefaultConcurrency]
// without it.
func WithConcurrency(n int) FleetOption {
	return func(s *fleetSettings) error {
		if n < 1 {
			return &ValidationError{"concurrency", fmt.Sprintf("%d is less than 1", n)}
		}
		s.concurrency = n
		return nil
	}
}

// WithRequestRate bounds the requests a second, for accounts that share a quota with others. Without it a fleet is as
// fast as the service allows.
func WithRequestRate(perSecond float64) FleetOption {
	return func(s *fleetSettings) error {
		if !(perSecond > 0) || math.IsInf(perSecond, 1) {
			return &ValidationError{"requestRate", fmt.Sprintf("%v is not a positive number", perSecond)}
		}
		s.requestRate = rate.Limit(perSecond)
		return nil
	}
}

// WithProgress has fn called after each batch, by the goroutine that called SetFleetMaintenance. A slow fn holds up
// nothing: states are skipped for it, but never the last. A panic in it ends the fleet and reaches the caller.
func WithProgress(fn func(FleetProgress)) FleetOption {
	return func(s *fleetSettings) error {
		if fn == nil {
			return &ValidationError{"progress", "is nil"}
		}
		s.progress = fn
		return nil
	}
}

// SetFleetMaintenance switches any number of desktops of a region into or out of maintenance, as fast as the service
// allows. It takes the IDs from the stream as it needs them ([slices.Values] makes a stream of a slice), sends them in
// batches of [MaxDesktopIDs], and holds no more than a few batches however long the stream is.
//
// The error is nil only where every desktop was switched; otherwise it is a *[FleetError]. The report is there in both
// cases; it is nil only for a *[ValidationError] of another parameter than the IDs, with which nothing has begun.
//
//   - Throttling costs time, and neither desktops nor attempts of the retry policy: the fleet learns the rate that the
//     service allows, and follows it.
//   - A batch that is refused for what is in it is halved until the offenders stand alone, so one bad ID does not keep
//     99 good ones from being switched. An ID that [Client.SetMaintenance] would not send is reported and left out.
//   - Other failures of a batch, such as trouble of the service that outlasts the retries, are those of all its desktops,
//     and the fleet goes on.
//   - A refusal that concerns every call ends the fleet after the requests in flight: [ErrAccessDenied],
//     [ErrInvalidCredential], [ErrClockSkew], a region, a host or a certificate that is not right.
//   - The end of ctx ends the fleet at once, the requests in flight included.
//
// SetFleetMaintenance waits for the stream: one that blocks has to watch ctx itself, and keeps a fleet that has ended
// from returning until it yields or ctx ends. No goroutine outlives the call, but for a question to a credential provider
// that does not answer, and a panic of the stream reaches the caller.
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
	s := fleetSettings{concurrency: DefaultConcurrency, requestRate: rate.Inf}
	for i, opt := range opts {
		if opt == nil {
			return nil, &ValidationError{fmt.Sprintf("opts[%d]", i), "is nil"}
		}
		if err := opt(&s); err != nil {
			return nil, err
		}
	}
	f := &fleet{
		client:   c,
		region:   region,
		mode:     mode,
		settings: s,
		started:  time.Now(),
		pacer:    newPacer(s.requestRate),
		over:     make(chan struct{}),
		batch:    make(chan struct{}, 1),
	}
	return f.run(ctx, desktopIDs)
}
