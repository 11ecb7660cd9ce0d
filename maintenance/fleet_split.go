package maintenance

import (
	"errors"
	"fmt"
	"time"
)

// alikeBatches is the number of whole batches after which a code counts as a refusal of every call:
// all their desktops were refused with it, and the fleet has had no success.
const alikeBatches = 3

// whole is a batch as the stream filled it, before any halving.
type whole struct {
	parts  int // number of parts that are not settled
	halved bool
	mark   string // the mark that the refusals of its parts share
	mixed  bool   // the parts did not all end with the same mark
}

// note records the mark of a refused part; the mark is empty if the part was not refused.
func (w *whole) note(mark string) {
	w.mixed = w.mixed || mark == "" || w.mark != "" && w.mark != mark
	w.mark = mark
}

// halving keeps the fleet from halving all its batches in vain when the refusals have another cause
// than the desktops: until the first success one batch is halved at a time, and the others wait.
type halving struct {
	current *whole
	mark    string // mark of the latest whole batch that was refused completely
	alike   int    // number of consecutive whole batches with that mark
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

// refused handles a batch that was refused because of its desktops: it reads the desktops and, if
// that does not explain the refusal, halves the batch.
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
		f.putBack(&batch{ids: ids, whole: b.whole, outcomeUnknown: b.call.outcomeUnknown, known: true, shown: b.shown, again: b.again})
	}
}

// refusedForGood settles a refused batch that halving cannot help.
func (f *fleet) refusedForGood(b *batch, err error) {
	if b.shown {
		err = ofShown(err)
	}
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
		f.end(fmt.Errorf("every desktop of %d batches was refused with the same error: %w", h.alike, err))
	}
}

// refusalMark returns the code or the status of a refusal, by which refusals are compared.
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
