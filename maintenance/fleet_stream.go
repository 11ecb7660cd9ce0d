package maintenance

import (
	"fmt"
	"iter"
	"time"
)

// partialAfter is the time after which a batch that the stream has not filled is sent partly
// filled.
const partialAfter = 2 * time.Second

// draw takes the desktops from the stream until the stream or the fleet ends.
func (f *fleet) draw(desktopIDs iter.Seq[string]) {
	index := 0
	for id := range desktopIDs {
		if !f.take(id, index) {
			break
		}
		index++
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.endWithContext()
	// A stream may end because ctx has ended, which looks like its own end.
	f.exhausted = f.ended == nil
	f.enqueueDrawn()
	f.closed = true
}

// take adds a desktop to the batch that is being filled, and waits until there is room for another.
// It returns false if the fleet has ended.
func (f *fleet) take(id string, index int) (goOn bool) {
	f.mu.Lock()
	f.add(id, index)
	goOn = f.ended == nil
	for goOn && !f.hasRoom() {
		f.mu.Unlock()
		select {
		case <-f.room:
		case <-f.draining.Done():
		}
		f.mu.Lock()
		goOn = f.draining.Err() == nil
	}
	f.mu.Unlock()
	return goOn
}

func (f *fleet) add(id string, index int) {
	if problem := desktopIDProblem(id); problem != "" {
		f.fail([]string{id}, &ValidationError{fmt.Sprintf("desktopIDs[%d]", index), problem})
		return
	}
	if f.ended != nil {
		f.fail([]string{id}, f.unsent)
		return
	}
	if len(f.drawn) == 0 {
		f.drawn, f.drawnAt = make([]string, 0, MaxDesktopIDs), time.Now()
		wake(f.changed)
	}
	if f.drawn = append(f.drawn, id); len(f.drawn) == MaxDesktopIDs {
		f.enqueueDrawn()
	}
}

// hasRoom reports whether the fleet may take another desktop. During an outage it takes some more
// batches, so that it can probe with others than the failed ones.
func (f *fleet) hasRoom() bool {
	most := f.settings.concurrency
	if f.outage.holds() {
		most += spareProbes
	}
	return !f.mustTell() && (len(f.drawn) > 0 || f.unsettled < most)
}

// enqueueDrawn puts the desktops that were drawn so far into the queue.
func (f *fleet) enqueueDrawn() {
	if len(f.drawn) == 0 {
		return
	}
	f.queue = append(f.queue, &batch{ids: f.drawn, whole: &whole{parts: 1}})
	f.unsettled++
	f.drawn = nil
	wake(f.changed)
}
