"""What other programs write into their pictures: how Automatic1111's and ComfyUI's were made."""
