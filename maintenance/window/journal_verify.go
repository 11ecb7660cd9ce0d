package window

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
)

// The layout of a bbolt file, version 2. Integers have the machine's byte order.
const (
	pageHeader = 16 // id 8, flags 2, count 2, overflow 4
	metaSize   = 64 // magic 4, version 4, page size 4, flags 4, root 16, freelist 8, pages 8, transaction 8, checksum 8

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10
	elementSize  = 16
	bucketFlag   = 0x01
	bucketHeader = 16
	noFreelist   = ^uint64(0)
	manyFree     = 0xffff // the count is in the first list element
)

var native = binary.NativeEndian

// verify checks the structure of a bbolt file. bbolt's own check cannot be used: it runs in another
// goroutine, where a page number beyond the memory map ends the process.
func verify(file []byte) error {
	if len(file) < pageHeader+metaSize {
		return fmt.Errorf("it has only %d bytes", len(file))
	}
	first, err := readMeta(file, 0)
	if err != nil {
		return fmt.Errorf("meta page 0: %w", err)
	}
	size := uint64(first.pageSize)
	if size < 512 || uint64(len(file)) < 2*size {
		return fmt.Errorf("it has only %d bytes", len(file))
	}
	newest, err := readMeta(file[size:], 1)
	switch {
	case err != nil:
		return fmt.Errorf("meta page 1: %w", err)
	case newest.pageSize != first.pageSize:
		return errors.New("the meta pages have different page sizes")
	}
	older := first
	if first.transaction > newest.transaction {
		older, newest = newest, first
	}
	if newest.transaction != older.transaction+1 {
		return errors.New("the meta pages are not from consecutive transactions")
	}
	if newest.pages < 2 || newest.pages > uint64(len(file))/size {
		return fmt.Errorf("the file has %d bytes but should have %d pages", len(file), newest.pages)
	}
	v := &verification{file: file, size: size, used: make([]bool, newest.pages)}
	v.used[0], v.used[1] = true, true
	if err := v.tree(newest.root); err != nil {
		return err
	}
	if newest.freelist != noFreelist {
		if err := v.free(newest.freelist); err != nil {
			return err
		}
		for id, used := range v.used {
			if !used {
				return fmt.Errorf("page %d is neither used nor free", id)
			}
		}
	}
	return nil
}

type meta struct {
	pageSize                           uint32
	root, freelist, pages, transaction uint64
}

func readMeta(page []byte, id uint64) (m meta, err error) {
	if len(page) < pageHeader+metaSize || native.Uint64(page) != id {
		return m, errors.New("the page is truncated or has another number")
	}
	b := page[pageHeader:]
	sum := fnv.New64a()
	_, _ = sum.Write(b[:metaSize-8])
	if sum.Sum64() != native.Uint64(b[metaSize-8:]) {
		return m, errors.New("wrong checksum")
	}
	return meta{native.Uint32(b[8:]), native.Uint64(b[16:]), native.Uint64(b[32:]), native.Uint64(b[40:]), native.Uint64(b[48:])}, nil
}

type verification struct {
	file []byte
	size uint64
	used []bool // pages
}

// page returns a page with its overflow pages, and marks them as used.
func (v *verification) page(id uint64) ([]byte, error) {
	if id >= uint64(len(v.used)) {
		return nil, fmt.Errorf("page %d does not exist", id)
	}
	start := id * v.size
	end := id + 1 + uint64(native.Uint32(v.file[start+12:]))
	switch {
	case native.Uint64(v.file[start:]) != id:
		return nil, fmt.Errorf("page %d has a wrong number", id)
	case end > uint64(len(v.used)):
		return nil, fmt.Errorf("page %d extends beyond the file", id)
	}
	for i := id; i < end; i++ {
		if err := v.use(i); err != nil {
			return nil, err
		}
	}
	return v.file[start : end*v.size], nil
}

func (v *verification) use(id uint64) error {
	if id >= uint64(len(v.used)) || v.used[id] {
		return fmt.Errorf("page %d is used twice or does not exist", id)
	}
	v.used[id] = true
	return nil
}

// tree checks a page and all pages below it.
func (v *verification) tree(id uint64) error {
	page, err := v.page(id)
	if err != nil {
		return err
	}
	if err := v.elements(page); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

func (v *verification) elements(page []byte) error {
	flags, count := native.Uint16(page[8:]), int(native.Uint16(page[10:]))
	if flags != branchPage && flags != leafPage {
		return fmt.Errorf("unexpected page type %#x", flags)
	}
	switch {
	case pageHeader+count*elementSize > len(page):
		return errors.New("too many elements")
	case flags == branchPage && count == 0: // bbolt reads the first element without checking the count
		return errors.New("no elements")
	}
	previous := ""
	for i := range count {
		element := page[pageHeader+i*elementSize:]
		if flags == branchPage {
			key, _, err := cut(element, native.Uint32(element), native.Uint32(element[4:]), 0)
			if err != nil || i > 0 && string(key) <= previous {
				return errors.Join(errDisorder, err)
			}
			previous = string(key)
			if err := v.tree(native.Uint64(element[8:])); err != nil {
				return err
			}
			continue
		}
		key, value, err := cut(element, native.Uint32(element[4:]), native.Uint32(element[8:]), native.Uint32(element[12:]))
		if err != nil || i > 0 && string(key) <= previous {
			return errors.Join(errDisorder, err)
		}
		previous = string(key)
		if native.Uint32(element)&bucketFlag == 0 {
			continue
		}
		if err := v.bucket(value); err != nil {
			return err
		}
	}
	return nil
}

var errDisorder = errors.New("keys are out of order")

func (v *verification) bucket(value []byte) error {
	if len(value) < bucketHeader {
		return errors.New("a bucket is cut off")
	}
	if root := native.Uint64(value); root != 0 {
		return v.tree(root)
	}
	if len(value) < bucketHeader+pageHeader {
		return errors.New("a bucket is cut off")
	}
	inline := value[bucketHeader:]
	if native.Uint16(inline[8:]) != leafPage {
		return errors.New("an inline bucket is not a leaf page")
	}
	return v.elements(inline)
}

// cut returns the key and the value of an element.
func cut(element []byte, position, keySize, valueSize uint32) (key, value []byte, err error) {
	start := uint64(position)
	middle := start + uint64(keySize)
	end := middle + uint64(valueSize)
	if start < elementSize || end > uint64(len(element)) {
		return nil, nil, errors.New("an element extends beyond its page")
	}
	return element[start:middle], element[middle:end], nil
}

// free checks the list of free pages.
func (v *verification) free(id uint64) error {
	page, err := v.page(id)
	if err != nil {
		return err
	}
	list, count := page[pageHeader:], uint64(native.Uint16(page[10:]))
	if count == manyFree {
		count, list = native.Uint64(list), list[8:]
	}
	if native.Uint16(page[8:]) != freelistPage || count > uint64(len(list))/8 {
		return fmt.Errorf("page %d is not a list of free pages", id)
	}
	for i := range count {
		if err := v.use(native.Uint64(list[i*8:])); err != nil {
			return err
		}
	}
	return nil
}
