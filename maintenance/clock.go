package maintenance

import (
	"sync/atomic"
	"time"
)

const (
	// clocksAgree is how far apart two clocks may be without being corrected: a third of what the service tolerates.
	clocksAgree = 5 * time.Minute

	// clocksDiffer is how far a reply's date has to be from the date that was refused with it. A reply that contradicts
	// itself teaches nothing.
	clocksDiffer = time.Minute
)

// clock tells the service's time: this machine's, and an offset where the service has refused that.
type clock struct {
	offset atomic.Int64 // time.Duration: the service's clock minus this machine's; 0 while they agree
}

func (c *clock) now() time.Time {
	return time.Now().Add(time.Duration(c.offset.Load()))
}

// learn takes the service's time from a reply that refused the date signedAt. It reports whether another date is worth
// a try. A zero date is that of no reply, or of one that a cache has kept.
func (c *clock) learn(signedAt, date time.Time) bool {
	if date.IsZero() || date.Sub(signedAt).Abs() < clocksDiffer {
		return false
	}
	c.set(date)
	return true
}

// accepted follows a clock that was corrected meanwhile. The date is that of a reply to a call that was accepted.
func (c *clock) accepted(date time.Time) {
	if c.offset.Load() != 0 && !date.IsZero() {
		c.set(date)
	}
}

func (c *clock) set(date time.Time) {
	offset := time.Until(date)
	if offset.Abs() < clocksAgree {
		offset = 0
	}
	c.offset.Store(int64(offset))
}
