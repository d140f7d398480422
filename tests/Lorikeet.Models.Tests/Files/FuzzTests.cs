using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Lorikeet.Models.Files;
using Xunit.Abstractions;

namespace Lorikeet.Models.Tests.Files;

/// <summary>A million mutated bytes: nothing but <see cref="BadFileException"/> may come out of a reader.</summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    private const int Bytes = 500_000;

    [Theory]
    [InlineData(0x9E3779B97F4A7C15)]
    public void Mutated_safetensors_are_read_or_refused(ulong seed)
    {
        output.WriteLine($"seed {seed:X}");
        using TemporaryFolder folder = new();
        string path = folder["f.safetensors"];
        SafetensorsWriter.Write(path, new Dictionary<string, string> { ["format"] = "pt" },
        [
            TensorToWrite.Single("model.a", [2, 3], new float[6]),
            TensorToWrite.Single("model.b", [4], new float[4], StoredType.BF16),
        ]);
        byte[] good = File.ReadAllBytes(path);
        int refused = 0;
        for (int mutated = 0; mutated < Bytes;)
        {
            byte[] bad = Mutate(good, ref seed, ref mutated);
            File.WriteAllBytes(path, bad);
            try
            {
                using SafetensorsFile file = SafetensorsFile.Open(path);
                foreach (StoredTensor t in file.Tensors)
                {
                    Assert.Equal(t.ByteLength, file.Bytes(t).Length);
                }
            }
            catch (BadFileException)
            {
                refused++;
            }
        }
        Assert.True(refused > 100);
    }

    [Theory]
    [InlineData(0xD1B54A32D192ED03)]
    public void Mutated_json_is_read_or_refused(ulong seed)
    {
        output.WriteLine($"seed {seed:X}");
        byte[] good = Encoding.UTF8.GetBytes("{\"a\": [1, 2.5e3, {\"é\\u00e9\\ud83d\\ude00\": null}], \"b\": {\"c\": \"x\\\\\", \"d\": true}, \"vocab\": {\"<s>\": 0}}");
        int refused = 0;
        for (int mutated = 0; mutated < Bytes;)
        {
            byte[] bad = Mutate(good, ref seed, ref mutated);
            try
            {
                using JsonDocument json = SafeJson.Parse(bad, "fuzz", mostDepth: 8);
                Walk(json.RootElement);
            }
            catch (BadFileException)
            {
                refused++;
            }
        }
        Assert.True(refused > 100);
    }

    private static void Walk(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    Assert.NotNull(property.Name);
                    Walk(property.Value);
                }
                break;
            case JsonValueKind.Array:
                foreach (JsonElement item in element.EnumerateArray())
                {
                    Walk(item);
                }
                break;
            case JsonValueKind.String:
                Assert.NotNull(element.GetString());
                break;
            default:
                break;
        }
    }

    // One to thirty-two bytes: flipped, set, swapped with structure characters, cut, repeated; a header length near the truth half of the time.
    private static byte[] Mutate(byte[] good, ref ulong state, ref int mutated)
    {
        byte[] bad = [.. good];
        int count = 1 + (int)(Next(ref state) % 32);
        ReadOnlySpan<byte> structure = "{}[]\":,0129-eE\\u \0\xFF"u8;
        for (int i = 0; i < count && bad.Length > 0; i++)
        {
            int at = (int)(Next(ref state) % (ulong)bad.Length);
            bad[at] = (Next(ref state) % 4) switch
            {
                0 => (byte)Next(ref state),
                1 => (byte)(bad[at] ^ (1 << (int)(Next(ref state) % 8))),
                2 => structure[(int)(Next(ref state) % (ulong)structure.Length)],
                _ => good[(int)(Next(ref state) % (ulong)good.Length)],
            };
        }
        if (Next(ref state) % 8 == 0)
        {
            bad = bad[..(int)(Next(ref state) % (ulong)(bad.Length + 1))];
        }
        if (Next(ref state) % 2 == 0 && bad.Length >= 8)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bad, BinaryPrimitives.ReadInt64LittleEndian(good));
        }
        mutated += count;
        return bad;
    }

    private static ulong Next(ref ulong state)
    {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state;
    }
}
