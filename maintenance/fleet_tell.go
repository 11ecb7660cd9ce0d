package maintenance

import "time"

// progressInterval is the time between progress callbacks while nothing changes.
const progressInterval = 10 * time.Second

// tellLater stores a result for the teller.
func (f *fleet) tellLater(r FleetResult) {
	if f.settings.results != nil {
		f.untold = append(f.untold, r)
	}
	wake(f.news)
}

// mustTell reports whether so many results wait for their callback that the fleet has to wait.
func (f *fleet) mustTell() bool { return len(f.untold) > f.settings.concurrency }

// tell calls the callbacks, one at a time, until the fleet is over.
func (f *fleet) tell() {
	returned := false
	defer func() {
		if !returned {
			f.escaped(recover())
		}
	}()
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	for over := false; !over; {
		select {
		case <-f.news:
		case <-ticker.C:
		case <-f.over:
		}
		over = f.isOver(ticker)
		f.tellResults(ticker)
		f.tellProgress()
	}
	returned = true
}

// isOver reports whether the fleet is over. It drops signals that came during a slow callback,
// because the next callback gets the latest state.
func (f *fleet) isOver(ticker *time.Ticker) bool {
	ticker.Reset(progressInterval)
	select {
	case <-f.news:
	default:
	}
	select {
	case <-f.over:
		return true
	default:
		return false
	}
}

// tellResults passes the stored results to the callback, and the progress whenever it is due.
func (f *fleet) tellResults(ticker *time.Ticker) {
	f.mu.Lock()
	results := f.untold
	f.untold = nil
	f.mu.Unlock()
	if len(results) > 0 {
		wake(f.changed)
		wake(f.room)
	}
	for _, r := range results {
		f.settings.results(r)
		select {
		case <-ticker.C:
			f.tellProgress()
		default:
		}
	}
}

func (f *fleet) tellProgress() {
	if f.settings.progress == nil {
		return
	}
	f.mu.Lock()
	p := FleetProgress{Succeeded: f.succeeded, Failed: len(f.failed), Accepted: f.accepted, Entering: f.watching.entering}
	f.mu.Unlock()
	p.Calls, p.Throttled, p.Rate = f.pacer.state(f.pace)
	f.settings.progress(p)
}
