package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type makeTask struct {
	Folder      string   `json:"folder"`
	Entries     []string `json:"entries"`
	Name        string   `json:"name"`
	Seed        string   `json:"seed"`
	WitnessName string   `json:"witness_name"`
	WitnessSeed string   `json:"witness_seed"`
	Time        uint64   `json:"time"`
}

type made struct {
	LogKey      string        `json:"log_key"`
	WitnessKey  string        `json:"witness_key"`
	Inclusion   []inclusion   `json:"inclusion"`
	Consistency []consistency `json:"consistency"`
}

// makeLog builds a log, publishes it, and proves every entry in it and every earlier size.
func makeLog(task makeTask) (*made, error) {
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			found[i] = hashes[index]
		}
		return found, nil
	})
	var records [][]byte
	for number, encoded := range task.Entries {
		record, err := hex.DecodeString(encoded)
		if err != nil {
			return nil, err
		}
		stored, err := tlog.StoredHashes(int64(number), record, reader)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, stored...)
		records = append(records, record)
	}
	size := int64(len(records))
	for _, tile := range tlog.NewTiles(tileHeight, 0, size) {
		data, err := tlog.ReadTileData(tile, reader)
		if err != nil {
			return nil, err
		}
		if err := put(filepath.Join(task.Folder, published(tile)), data); err != nil {
			return nil, err
		}
	}
	for start := int64(0); start < size; start += 1 << tileHeight {
		tile := tlog.Tile{H: tileHeight, L: 0, N: start >> tileHeight, W: 1 << tileHeight}
		if start+int64(tile.W) > size {
			tile.W = int(size - start)
		}
		var bundle bytes.Buffer
		for _, record := range records[start : start+int64(tile.W)] {
			binary.Write(&bundle, binary.BigEndian, uint16(len(record)))
			bundle.Write(record)
		}
		name := strings.Replace(published(tile), "tile/0/", "tile/entries/", 1)
		if err := put(filepath.Join(task.Folder, name), bundle.Bytes()); err != nil {
			return nil, err
		}
	}
	answer := &made{}
	root, err := tlog.TreeHash(size, reader)
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf("%s\n%d\n%s\n", task.Name, size, root)
	if err := sign(task, text, answer); err != nil {
		return nil, err
	}
	for index := range records {
		proof, err := tlog.ProveRecord(size, int64(index), reader)
		if err != nil {
			return nil, err
		}
		leaf := tlog.RecordHash(records[index])
		answer.Inclusion = append(answer.Inclusion, inclusion{
			int64(index), size, hex.EncodeToString(leaf[:]), hex.EncodeToString(root[:]), hexes(proof),
		})
	}
	for old := int64(1); old <= size; old++ {
		proof, err := tlog.ProveTree(size, old, reader)
		if err != nil {
			return nil, err
		}
		before, err := tlog.TreeHash(old, reader)
		if err != nil {
			return nil, err
		}
		answer.Consistency = append(answer.Consistency, consistency{
			old, size, hex.EncodeToString(before[:]), hex.EncodeToString(root[:]), hexes(proof),
		})
	}
	return answer, nil
}

func sign(task makeTask, text string, answer *made) error {
	seed, err := hex.DecodeString(task.Seed)
	if err != nil {
		return err
	}
	private := ed25519.NewKeyFromSeed(seed)
	public := private.Public().(ed25519.PublicKey)
	answer.LogKey, err = note.NewEd25519VerifierKey(task.Name, public)
	if err != nil {
		return err
	}
	hash := keyHash(task.Name, 1, public)
	secret := base64.StdEncoding.EncodeToString(append([]byte{1}, seed...))
	logSigner, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", task.Name, hash, secret))
	if err != nil {
		return err
	}
	witnessSeed, err := hex.DecodeString(task.WitnessSeed)
	if err != nil {
		return err
	}
	cosigner := witnessSigner{task.WitnessName, ed25519.NewKeyFromSeed(witnessSeed), task.Time}
	answer.WitnessKey = fmt.Sprintf("%s+%08x+%s", task.WitnessName, cosigner.KeyHash(),
		base64.StdEncoding.EncodeToString(append([]byte{4}, cosigner.public()...)))
	signed, err := note.Sign(&note.Note{Text: text}, logSigner, cosigner)
	if err != nil {
		return err
	}
	return put(filepath.Join(task.Folder, "checkpoint"), signed)
}
