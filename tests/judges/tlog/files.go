package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// tileHeight is that of C2SP tlog-tiles: tiles are 256 hashes wide.
const tileHeight = 8

// published is the path of a tile by C2SP tlog-tiles: Go's own without the height.
func published(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", tile.H), "tile/", 1)
}

type tileFolder string

func (f tileFolder) Height() int { return tileHeight }

func (f tileFolder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		data, err := os.ReadFile(filepath.Join(string(f), published(tile)))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func (f tileFolder) SaveTiles([]tlog.Tile, [][]byte) {}

// readEntry takes one entry out of its bundle.
func readEntry(folder string, index, size int64) ([]byte, error) {
	tile := tlog.Tile{H: tileHeight, L: 0, N: index >> tileHeight, W: 1 << tileHeight}
	if start := tile.N << tileHeight; start+int64(tile.W) > size {
		tile.W = int(size - start)
	}
	name := strings.Replace(published(tile), "tile/0/", "tile/entries/", 1)
	data, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		return nil, err
	}
	for skip := index % (1 << tileHeight); ; skip-- {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("%s is cut off", name)
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		if skip == 0 {
			return data[2:end], nil
		}
		data = data[end:]
	}
}

func put(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
