package maintenancetest

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const maxDesktopIDs = 100

// parameters reads the query of an operation strictly: it refuses empty and malformed values, and
// parameters that the operation does not have. It keeps the first refusal.
type parameters struct {
	query   url.Values
	known   map[string]bool
	refused *failure
}

func newParameters(query url.Values) *parameters {
	return &parameters{query: query, known: map[string]bool{"RegionId": true}} // read by Service.region
}

func (p *parameters) refuse(f *failure) {
	if p.refused == nil {
		p.refused = f
	}
}

// end returns the refusal, if any. Call it after all parameters were read.
func (p *parameters) end() *failure {
	if p.refused != nil {
		return p.refused
	}
	var unknown []string
	for name := range p.query {
		if !p.known[name] {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return invalid(slices.Min(unknown))
}

// optional returns a value that may be empty, and whether it was given.
func (p *parameters) optional(name string) (value string, given bool) {
	p.known[name] = true
	return p.query.Get(name), p.query.Has(name)
}

// text returns "" if the parameter was not given.
func (p *parameters) text(name string) string {
	value, given := p.optional(name)
	if given && value == "" {
		p.refuse(invalid(name))
	}
	return value
}

func (p *parameters) boolean(name string, otherwise bool) bool {
	switch value, given := p.optional(name); {
	case !given:
		return otherwise
	case strings.EqualFold(value, "true"), strings.EqualFold(value, "false"): // Python and C# write True
		return strings.EqualFold(value, "true")
	}
	p.refuse(invalid(name))
	return otherwise
}

func (p *parameters) number(name string, least, most, otherwise int) int {
	value, given := p.optional(name)
	if !given {
		return otherwise
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		p.refuse(invalid(name))
	}
	return n
}

// list returns name.1 to name.N, and nil if name.1 was not given. end refuses parameters after a
// gap.
func (p *parameters) list(name string, most int) []string {
	var values []string
	for p.query.Has(element(name, len(values))) {
		if len(values) == most {
			p.refuse(invalid(name))
			return nil
		}
		values = append(values, p.text(element(name, len(values))))
	}
	return values
}

// element returns the parameter name of a list element. The index counts from 0, the name from 1.
func element(list string, index int) string {
	return list + "." + strconv.Itoa(index+1)
}

// listed reads name.1 to name.N, in order and without a gap.
func listed(query url.Values, name string) ([]string, *failure) {
	given := 0
	for parameter := range query {
		if parameter == name || strings.HasPrefix(parameter, name+".") {
			given++
		}
	}
	if given == 0 {
		return nil, missing(name)
	}
	if given > maxDesktopIDs {
		return nil, invalid(name)
	}
	ids := make([]string, given)
	for i := range ids {
		if ids[i] = query.Get(element(name, i)); ids[i] == "" {
			return nil, invalid(element(name, i))
		}
	}
	return ids, nil
}
