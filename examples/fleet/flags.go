package main

import (
	"errors"

	"github.com/spf13/pflag"
)

// once is a flag that may be given only once, because one of two values, such as two regions, would
// have no effect.
type once struct {
	pflag.Value
	given bool
}

func (o *once) Set(s string) error {
	if o.given {
		return errors.New("the flag may be given only once")
	}
	o.given = true
	return o.Value.Set(s)
}

// onlyOnce applies once to all flags that are defined so far, except lists.
func onlyOnce(flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Value.Type() != "stringArray" {
			f.Value = &once{Value: f.Value}
		}
	})
}
