// Command tlog is an outside judge of our verifiable logs: it stands on golang.org/x/mod/sumdb, the
// code with which Go checks its module log, and on nothing of ours.
//
// `tlog judge` reads a published log and proofs, and says what it makes of them. `tlog make` builds
// a log, its tiles and proofs of its own. Both take JSON on stdin and answer on stdout.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fail(errors.New("usage: tlog judge|make"))
	}
	var answer interface{}
	var err error
	switch os.Args[1] {
	case "judge":
		var task judgeTask
		fail(json.NewDecoder(os.Stdin).Decode(&task))
		answer, err = judge(task)
	case "make":
		var task makeTask
		fail(json.NewDecoder(os.Stdin).Decode(&task))
		answer, err = makeLog(task)
	default:
		err = errors.New("neither judge nor make")
	}
	fail(err)
	fail(json.NewEncoder(os.Stdout).Encode(answer))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
