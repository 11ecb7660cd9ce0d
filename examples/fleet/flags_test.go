package main

import (
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every flag of every command, including future ones.
func TestFlags_GivenTwice(t *testing.T) {
	t.Parallel()
	values := map[string]string{"int": "1", "float64": "1", "duration": "1m", "bool": "true", "string": "x"}
	for _, cmd := range newCommand().Commands() {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			value := values[f.Value.Type()]
			if f.Name == "tag" {
				require.NoError(t, f.Value.Set("a=1"))
				require.NoError(t, f.Value.Set("b=2"))
				return
			}
			require.NoError(t, f.Value.Set(value), f.Name)
			require.ErrorContains(t, f.Value.Set(value), "only once", "%s --%s", cmd.Name(), f.Name)
		})
	}
}

func TestFlags_GivenTwiceIsUsage(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 1)
	for _, args := range [][]string{
		{"enter", "ecd-0000001", "--region", "cn-beijing"},
		{"exit", "ecd-0000001", "--region=" + region},
		{"status", "--endpoint", "localhost"},
		{"enter", "ecd-0000001", "--timeout", "1m", "--timeout", "1h"},
		{"enter", "ecd-0000001", "--wait", "--wait=false"},
		{"enter", "--pool", "pool-1", "--pool", "pool-2"},
		{"status", "--state", "in", "--state", "out"},
	} {
		status, stdout, stderr := fleet(t, "", append(args, flags...)...)
		assert.Equal(t, statusUsage, status, args)
		assert.Contains(t, stderr, "the flag may be given only once", args)
		assert.Empty(t, stdout, args)
	}
	assert.Empty(t, s.Requests())
}

func TestFlags_Defaults(t *testing.T) {
	t.Parallel()
	_, stdout, _ := fleet(t, "", "enter", "--help")
	for _, text := range []string{"(default 8)", "(default 5m0s)", "(default no limit)", "--wait  "} {
		assert.Contains(t, stdout, text)
	}
	assert.NotContains(t, stdout, `(default "")`)
}
