"""Hotshot-XL's UNet, computed for speed: fused products, compiled blocks, steps replayed whole."""
