package main

import (
	"errors"

	"github.com/spf13/pflag"
)

// once is a flag that can be given once. Of two values, such as two regions, one would be lost.
type once struct {
	pflag.Value
	given bool
}

func (o *once) Set(s string) error {
	if o.given {
		return errors.New("the flag is given more than once")
	}
	o.given = true
	return o.Value.Set(s)
}

// onlyOnce is for all flags that were defined so far, except those that are lists.
func onlyOnce(flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Value.Type() != "stringArray" {
			f.Value = &once{Value: f.Value}
		}
	})
}
