package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// settings is the command line.
type settings struct {
	host, port          string // to listen on
	plain               bool   // use HTTP without TLS
	insecure            bool   // allow HTTP without TLS on any address
	ca                  string // file for the certificate; empty for a temporary one
	names               []string
	region              string
	desktops, users     int
	state               string // file; empty for none
	latency, transition time.Duration
	rate                float64 // requests per second; 0 for no limit
	faults              faults
}

// parse returns nil settings if it has printed the help that args ask for.
func parse(args []string, out io.Writer) (*settings, error) {
	s := &settings{host: "127.0.0.1", port: "8443", region: "cn-hangzhou", desktops: 100}
	flags := flag.NewFlagSet("emulator", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main prints the error
	once(flags, "addr", "`address` to listen on (default 127.0.0.1:8443); port 0 selects a free port", s.setAddress)
	flags.BoolVar(&s.plain, "http", false, "no TLS; -addr has to be a loopback address, unless with -insecure")
	flags.BoolVar(&s.insecure, "insecure", false, "with -http, listen on any address, such as a container's: other machines can read the traffic")
	once(flags, "ca", "`file` to write the certificate to, in PEM, for clients to trust", notEmpty(&s.ca))
	flags.Func("name", "host `name` or IP address for the certificate, besides that of -addr, localhost and this machine's; may be repeated; with -insecure, the host of the lines that are printed", s.addName)
	once(flags, "region", "region `ID` of the desktops (default cn-hangzhou)", s.setRegion)
	once(flags, "desktops", "`number` of desktops, unless the file of -state has desktops (default 100)", number(&s.desktops, 1, 100_000))
	once(flags, "users", "`number` of users that connect and leave by themselves (default 0)", number(&s.users, 0, 10_000))
	once(flags, "state", "JSON `file` to load the desktops from and to save them to", notEmpty(&s.state))
	once(flags, "latency", "`time` that passes before each reply (default 0s)", duration(&s.latency, 10*time.Minute))
	once(flags, "transition", "`time` that a change takes once nobody is connected (default 0s)", duration(&s.transition, 24*time.Hour))
	once(flags, "rate", "`requests` per second to allow (default no limit)", s.setRate)
	flags.Func("fault", "`status:probability` of requests that fail, such as 503:0.05 or cut:0.01; may be repeated", s.faults.add)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(out)
		flags.Usage()
		return nil, nil
	case err != nil:
		return nil, usageError{err}
	case flags.NArg() > 0:
		return nil, usageError{fmt.Errorf("unexpected argument %q", flags.Arg(0))}
	}
	return s, s.check()
}

// check refuses flags that exclude each other.
func (s *settings) check() error {
	switch {
	case s.insecure && !s.plain:
		return usageError{errors.New("-insecure has no effect without -http")}
	case s.plain && !s.insecure && !isLoopback(s.host):
		return usageError{fmt.Errorf("-http: -addr %s is not a loopback address; without TLS other machines could read the traffic; -insecure allows it", net.JoinHostPort(s.host, s.port))}
	case s.plain && s.ca != "":
		return usageError{errors.New("-ca has no effect with -http")}
	case s.plain && !s.insecure && s.names != nil:
		return usageError{errors.New("-name has no effect with -http, unless with -insecure")}
	}
	return nil
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// once defines a flag that may be given only once, because one of two values would have no effect.
func once(flags *flag.FlagSet, name, usage string, set func(string) error) {
	given := false
	flags.Func(name, usage, func(value string) error {
		if given {
			return errors.New("the flag is given twice")
		}
		given = true
		return set(value)
	})
}

func notEmpty(target *string) func(string) error {
	return func(value string) error {
		if value == "" {
			return errors.New("is empty")
		}
		*target = value
		return nil
	}
}

func number(target *int, least, most int) func(string) error {
	return func(value string) (err error) {
		if *target, err = strconv.Atoi(value); err != nil || *target < least || *target > most {
			return fmt.Errorf("is not a number from %d to %d", least, most)
		}
		return nil
	}
}

func duration(target *time.Duration, most time.Duration) func(string) error {
	return func(value string) (err error) {
		if *target, err = time.ParseDuration(value); err != nil || *target < 0 || *target > most {
			return fmt.Errorf("is not a time from 0s to %v, such as 30s", most)
		}
		return nil
	}
}

func (s *settings) setAddress(value string) error {
	host, port, err := net.SplitHostPort(value)
	if err != nil {
		return errors.New("is not a host and a port, such as 127.0.0.1:8443")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return errors.New("has a port that is not a number from 0 to 65535")
	}
	if host != "" {
		if err := checkHost(host); err != nil {
			return err
		}
	}
	s.host, s.port = host, port
	return nil
}

// checkHost accepts every host that this library accepts in an endpoint.
func checkHost(host string) error {
	_, err := maintenance.NewClient(
		maintenance.WithEndpoint("https://"+net.JoinHostPort(host, "443")),
		maintenance.WithStaticCredential("id", "secret", "")) // otherwise the client would search for a credential
	if err != nil {
		return errors.New("has a host that is neither a host name nor an IP address")
	}
	return nil
}

func (s *settings) addName(value string) error {
	if checkHost(value) != nil {
		return errors.New("is neither a host name nor an IP address")
	}
	s.names = append(s.names, value)
	return nil
}

func (s *settings) setRegion(value string) error {
	s.region = value
	if err := maintenance.Validate(value, maintenance.ModeEnter, []string{"ecd-1"}); err != nil {
		var invalid *maintenance.ValidationError
		errors.As(err, &invalid)
		return errors.New(invalid.Reason)
	}
	return nil
}

func (s *settings) setRate(value string) error {
	rate, err := strconv.ParseFloat(value, 64)
	if err != nil || !(rate > 0) || rate > 1e6 {
		return errors.New("is not a number above 0 and up to 1000000")
	}
	s.rate = rate
	return nil
}

// burst returns the number of requests that the limit allows at once after a pause: those of one
// second.
func (s *settings) burst() int { return max(1, int(math.Ceil(s.rate))) }

// printedHost returns the host for the printed lines. With -insecure the clients may run in other
// containers, so it is the name of this one.
func (s *settings) printedHost() string {
	switch {
	case s.insecure && s.names != nil:
		return s.names[0]
	case s.insecure && s.clientHost() != s.host: // on all addresses
		if name, err := os.Hostname(); err == nil && checkHost(name) == nil {
			return name
		}
	}
	return s.clientHost()
}

// clientHost is the host by which a client on this machine reaches the emulator.
func (s *settings) clientHost() string {
	if address, err := netip.ParseAddr(s.host); err == nil && address.IsUnspecified() {
		return "127.0.0.1"
	}
	return cmp.Or(s.host, "127.0.0.1")
}
