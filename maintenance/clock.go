package maintenance

import (
	"sync/atomic"
	"time"
)

const (
	// clocksAgree is the largest clock difference that needs no correction: a third of the
	// difference that the service tolerates.
	clocksAgree = 5 * time.Minute

	// clocksDiffer is the smallest difference between the date of a reply and the date that the
	// reply refuses. A reply whose own date is closer contradicts itself and is ignored.
	clocksDiffer = time.Minute
)

// clock gives the service's time: this machine's time, plus an offset after the service has refused
// a date.
type clock struct {
	offset atomic.Int64 // time.Duration: the service's clock minus this machine's; 0 while they agree
}

func (c *clock) now() time.Time {
	return time.Now().Add(time.Duration(c.offset.Load()))
}

// learn takes the service's time from a reply that refused the date signedAt. It reports whether
// another date is worth a try. The date is zero if no reply came, or if the reply came from a
// cache.
func (c *clock) learn(signedAt, date time.Time) bool {
	if date.IsZero() || date.Sub(signedAt).Abs() < clocksDiffer {
		return false
	}
	c.set(date)
	return true
}

// accepted updates the offset from the date of a successful reply, in case someone has corrected
// this machine's clock.
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
