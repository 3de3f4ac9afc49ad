package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type judgeTask struct {
	Folder      string        `json:"folder"`
	LogKey      string        `json:"log_key"`
	WitnessKey  string        `json:"witness_key"`
	Inclusion   []inclusion   `json:"inclusion"`
	Consistency []consistency `json:"consistency"`
}

type judged struct {
	Origin      string `json:"origin"`
	Size        int64  `json:"size"`
	Root        string `json:"root"`
	CosignedAt  uint64 `json:"cosigned_at"`
	Inclusion   []bool `json:"inclusion"`
	Consistency []bool `json:"consistency"`
}

// judge reads a whole published log and holds everything in it against its signed head.
func judge(task judgeTask) (*judged, error) {
	answer := &judged{}
	for _, proof := range task.Inclusion {
		answer.Inclusion = append(answer.Inclusion, proof.holds())
	}
	for _, proof := range task.Consistency {
		answer.Consistency = append(answer.Consistency, proof.holds())
	}
	if task.Folder == "" {
		return answer, nil
	}
	data, err := os.ReadFile(filepath.Join(task.Folder, "checkpoint"))
	if err != nil {
		return nil, err
	}
	logVerifier, err := note.NewVerifier(task.LogKey)
	if err != nil {
		return nil, err
	}
	known := []note.Verifier{logVerifier}
	if task.WitnessKey != "" {
		witness, err := parseWitness(task.WitnessKey)
		if err != nil {
			return nil, err
		}
		known = append(known, witness)
	}
	opened, err := note.Open(data, note.VerifierList(known...))
	if err != nil {
		return nil, err
	}
	for _, line := range opened.Sigs {
		if line.Name != logVerifier.Name() {
			raw, err := base64.StdEncoding.DecodeString(line.Base64)
			if err != nil {
				return nil, err
			}
			answer.CosignedAt = binary.BigEndian.Uint64(raw[4:12])
		}
	}
	tree, origin, err := parseCheckpoint(opened.Text)
	if err != nil {
		return nil, err
	}
	answer.Origin, answer.Size, answer.Root = origin, tree.N, hex.EncodeToString(tree.Hash[:])
	return answer, readThrough(task.Folder, tree)
}

// readThrough proves every entry, and that the log grew from every tenth of its sizes.
func readThrough(folder string, tree tlog.Tree) error {
	reader := tlog.TileHashReader(tree, tileFolder(folder))
	for index := int64(0); index < tree.N; index++ {
		record, err := readEntry(folder, index, tree.N)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveRecord(tree.N, index, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(record)); err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
	}
	for size := int64(1); size <= tree.N; size += 1 + tree.N/10 {
		root, err := tlog.TreeHash(size, reader)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveTree(tree.N, size, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, size, root); err != nil {
			return fmt.Errorf("from %d: %w", size, err)
		}
	}
	return nil
}

// parseCheckpoint reads the three lines of C2SP tlog-checkpoint.
func parseCheckpoint(text string) (tlog.Tree, string, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 {
		return tlog.Tree{}, "", errors.New("not a checkpoint")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, "", err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, lines[0], err
}
