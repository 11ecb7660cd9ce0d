package gateway

import "bytes"

// span is a part of a text, in bytes.
type span struct{ start, end int }

// find appends the places of all runs of the token in d.
func (s *secrets) find(d *decoded, runs []span) []span {
	letters, at := d.letters()
	size := min(seed, bytes.IndexByte(s.forms[1:], 0))
	mask := ^uint64(0) >> (64 - 8*size)
	var key uint64
	var floor int // keeps the search linear for a token that repeats itself
	for i, known := 0, 0; i < len(letters); i++ {
		key, known = (key<<8|uint64(letters[i]))&mask, known+1
		place, found := s.index[key]
		if !found || known < size {
			continue
		}
		r := s.extend(letters, i+1-size, place, floor)
		if !s.longEnough(r) || s.whole && !d.isWord(at, r) {
			continue
		}
		runs = append(runs, d.span(at, r, s.marks[r.formFrom-1], s.marks[r.formTo-1]))
		i, known, floor = r.to-1, 0, r.to-minRun
	}
	return runs
}

// run is letters[from:to] of a text, which begins and ends like s.forms[formFrom:formTo].
type run struct {
	from, to, formFrom, formTo int
	same                       int // number of letters that are the token's
}

func (s *secrets) longEnough(r run) bool {
	token := bytes.IndexByte(s.forms[1:], 0)
	if s.whole {
		return r.same == token
	}
	return r.same >= min(minRun, token)
}

// extend makes the run around a seed as long as possible, but does not begin it before floor.
func (s *secrets) extend(letters []byte, i, place, floor int) run {
	r := run{from: i, to: i, formFrom: place, formTo: place}
	for {
		for r.to < len(letters) && letters[r.to] == s.forms[r.formTo] {
			r.to, r.formTo, r.same = r.to+1, r.formTo+1, r.same+1
		}
		next := s.forms[r.formTo:min(r.formTo+afterGap, len(s.forms))]
		gap := bytes.Index(letters[r.to:min(r.to+maxGap+afterGap, len(letters))], next)
		if gap < 0 {
			break
		}
		r.to += gap
	}
	for {
		for r.from > max(0, floor) && letters[r.from-1] == s.forms[r.formFrom-1] {
			r.from, r.formFrom, r.same = r.from-1, r.formFrom-1, r.same+1
		}
		before := letters[max(0, floor, r.from-maxGap-afterGap):r.from]
		gap := bytes.LastIndex(before, s.forms[max(0, r.formFrom-afterGap):r.formFrom])
		if gap < 0 {
			return r
		}
		r.from -= len(before) - gap - afterGap
	}
}

// decoded is a text whose escapes are decoded step by step. Character i stands for the bytes of the
// text from starts[i] to starts[i+1].
type decoded struct {
	chars  []byte // unescaped; a character that is not ASCII is notASCII
	starts []int32
}

func newDecoded(text string) *decoded {
	d := &decoded{chars: []byte(text), starts: make([]int32, len(text)+1)}
	for i := range d.starts {
		d.starts[i] = int32(i)
	}
	return d
}

// letters returns the letters of d and their positions in d.chars.
func (d *decoded) letters() (letters []byte, at []int32) {
	letters, at = make([]byte, 0, len(d.chars)), make([]int32, 0, len(d.chars))
	for i, c := range d.chars {
		if c = letter(c); c != 0 {
			letters, at = append(letters, c), append(at, int32(i))
		}
	}
	return letters, at
}

// isWord reports whether no letter stands right before or after r.
func (d *decoded) isWord(at []int32, r run) bool {
	return (r.from == 0 || at[r.from-1]+1 < at[r.from]) && (r.to == len(at) || at[r.to-1]+1 < at[r.to])
}

// span returns the part of the text that r came from. It includes other characters such as padding
// before and after it, up to as many as the token has there.
func (d *decoded) span(at []int32, r run, before, after uint8) span {
	from := d.marks(int(at[r.from])-1, -1, before)
	to := d.marks(int(at[r.to-1])+1, 1, after)
	return span{int(d.starts[from+1]), int(d.starts[to])}
}

// marks steps from i over up to n marks and the white space before them. It returns the position
// after that.
func (d *decoded) marks(i, step int, n uint8) int {
	for j := i; n > 0 && 0 <= j && j < len(d.chars); j += step {
		switch c := d.chars[j]; {
		case c == '+' || c == '/' || c == '=' || c == '-' || c == '_':
			i, n = j+step, n-1
		case c > ' ':
			return i
		}
	}
	return i
}
