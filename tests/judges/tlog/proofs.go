package main

import (
	"encoding/hex"
	"errors"

	"golang.org/x/mod/sumdb/tlog"
)

type inclusion struct {
	Index int64    `json:"index"`
	Size  int64    `json:"size"`
	Leaf  string   `json:"leaf"`
	Root  string   `json:"root"`
	Path  []string `json:"path"`
}

type consistency struct {
	Old     int64    `json:"old"`
	New     int64    `json:"new"`
	OldRoot string   `json:"old_root"`
	NewRoot string   `json:"new_root"`
	Path    []string `json:"path"`
}

func (p inclusion) holds() bool {
	leaf, err1 := parseHash(p.Leaf)
	root, err2 := parseHash(p.Root)
	path, err3 := parseHashes(p.Path)
	if err1 != nil || err2 != nil || err3 != nil {
		return false
	}
	return tlog.CheckRecord(path, p.Size, root, p.Index, leaf) == nil
}

func (p consistency) holds() bool {
	before, err1 := parseHash(p.OldRoot)
	after, err2 := parseHash(p.NewRoot)
	path, err3 := parseHashes(p.Path)
	if err1 != nil || err2 != nil || err3 != nil {
		return false
	}
	return tlog.CheckTree(path, p.New, after, p.Old, before) == nil
}

func parseHash(text string) (tlog.Hash, error) {
	var hash tlog.Hash
	raw, err := hex.DecodeString(text)
	if err == nil && len(raw) != len(hash) {
		err = errors.New("not a hash")
	}
	copy(hash[:], raw)
	return hash, err
}

func parseHashes(texts []string) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, text := range texts {
		hash, err := parseHash(text)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}

func hexes(hashes []tlog.Hash) []string {
	texts := []string{}
	for _, hash := range hashes {
		texts = append(texts, hex.EncodeToString(hash[:]))
	}
	return texts
}
