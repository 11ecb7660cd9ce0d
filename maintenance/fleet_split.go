package maintenance

import (
	"errors"
	"fmt"
	"time"
)

// alikeBatches is how many whole batches have to be refused down to their last desktop, with one
// code and without a success in the fleet, before the code is taken for a refusal of every call.
const alikeBatches = 3

// whole is a batch as it was drawn.
type whole struct {
	parts  int // that are not settled
	halved bool
	mark   string // of the refusals of its parts
	mixed  bool   // they were not all alike
}

// note remembers how a part was refused; the mark is empty for any other end.
func (w *whole) note(mark string) {
	w.mixed = w.mixed || mark == "" || w.mark != "" && w.mark != mark
	w.mark = mark
}

// halving keeps the fleet from halving batch after batch if it is not the desktops that are refused:
// until the first success one batch is halved at a time, and the others wait.
type halving struct {
	current *whole
	mark    string // of the latest whole batch of which nothing was accepted
	alike   int    // whole batches one after the other with that mark
}

// allows reports whether a batch may be sent now.
func (h *halving) allows(b *batch, worked bool) bool {
	return worked || h.current == nil || h.current == b.whole
}

// picked makes a halved batch the current one.
func (h *halving) picked(b *batch, worked bool) {
	if !worked && b.whole.halved {
		h.current = b.whole
	}
}

// refused reads the desktops of a batch that was refused for what is in it, and halves the batch if
// that does not explain the refusal.
func (f *fleet) refused(b *batch, err error) {
	b.refusal = err
	switch {
	case f.ended != nil:
		f.failBatch(b, b.call.failed(err))
		return
	case f.mayRead(b):
		b.reading = new(desktopsPage)
		b.notBefore = time.Now().Add(f.readPace.paused())
		f.putBack(b)
		return
	case len(b.ids) == 1:
		f.refusedForGood(b, err)
		return
	}
	b.whole.note(refusalMark(err))
	b.whole.halved = true
	b.whole.parts++
	if f.halving.current == nil {
		f.halving.picked(b, f.worked)
	}
	half := len(b.ids) / 2
	for _, ids := range [][]string{b.ids[half:], b.ids[:half:half]} {
		f.putBack(&batch{ids: ids, whole: b.whole, outcomeUnknown: b.call.outcomeUnknown, known: true, again: b.again})
	}
}

// refusedForGood settles a batch that no smaller call would help.
func (f *fleet) refusedForGood(b *batch, err error) {
	f.failOrWatch(b, b.call.failed(err))
	f.partSettled(b, refusalMark(err), err)
}

// partSettled counts a part of a batch as settled, with the mark and the error of a refusal.
func (f *fleet) partSettled(b *batch, mark string, err error) {
	w := b.whole
	w.note(mark)
	if w.parts--; w.parts > 0 {
		return
	}
	f.unsettled--
	wake(f.room)
	h := &f.halving
	if h.current == w {
		h.current = nil
	}
	if f.worked || w.mixed || saysNotFound(w.mark) {
		return
	}
	if w.mark != h.mark {
		h.mark, h.alike = w.mark, 0
	}
	if h.alike++; h.alike >= alikeBatches {
		f.end(fmt.Errorf("every desktop of %d batches was refused alike: %w", h.alike, err))
	}
}

// refusalMark is what two refusals have in common if they are alike.
func refusalMark(err error) string {
	var (
		refused   *APIError
		malformed *ResponseError
	)
	switch {
	case errors.As(err, &refused):
		return refused.Code
	case errors.As(err, &malformed):
		return fmt.Sprint("HTTP ", malformed.StatusCode)
	}
	return ""
}
