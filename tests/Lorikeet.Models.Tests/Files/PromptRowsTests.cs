using System.Runtime.InteropServices;
using System.Text;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;
using Lorikeet.Testing;

namespace Lorikeet.Models.Tests.Files;

/// <summary>Prompts of vectors: what is read, what is refused and with which words.</summary>
public sealed class PromptRowsTests
{
    private const int Width = 4;
    private const string Shape = "[2,4]";
    private static readonly float[] values = [1, -2, 3.5f, 0, -0.25f, 5, 6, 7];

    [Theory]
    [InlineData("F32")]
    [InlineData("F16")]
    [InlineData("BF16")]
    public void Reads_what_was_written(string type)
    {
        PromptRows rows = PromptRows.Read(SmallSafetensors.Of(PromptRows.TensorName, type, Shape, Stored(type, values)), "it", Width);
        Assert.Equal((2, Width, (long)values.Length * (type == "F32" ? 4 : 2)), (rows.Count, rows.Width, rows.ByteLength));
        Assert.Equal(values, Numbers(rows));
        Assert.Equal(values[4..], Numbers(rows.Part(1, 1)));
    }

    [Fact]
    public void A_digest_is_of_the_bytes_of_a_page_and_their_type()
    {
        const int Count = SequenceState.PageTokens + 3;
        float[] numbers = new float[Count * Width];
        new CounterRandom(1).FillNormal(numbers, 1f);
        PromptRows rows = PromptRows.Of(numbers, Width);
        PromptRows read = PromptRows.Read(SmallSafetensors.Of(PromptRows.TensorName, $"[{Count},{Width}]", numbers), "it", Width);
        for (int page = 0; page < 2; page++)
        {
            Assert.Equal(rows.Digest(page), read.Digest(page));
        }
        Assert.NotEqual(Hex(rows, 0), Hex(rows, 1));
        // The first page alone has the digest of the whole's first; a shorter part of it has not.
        Assert.Equal(Hex(rows, 0), Hex(rows.Part(0, SequenceState.PageTokens), 0));
        Assert.NotEqual(Hex(rows, 1), Hex(rows.Part(SequenceState.PageTokens, 2), 0));
        numbers[^1] = MathF.BitIncrement(numbers[^1]);
        PromptRows other = PromptRows.Of(numbers, Width);
        Assert.Equal(Hex(rows, 0), Hex(other, 0));
        Assert.NotEqual(Hex(rows, 1), Hex(other, 1));
        Assert.NotEqual(
            Hex(PromptRows.Read(SmallSafetensors.Of(PromptRows.TensorName, "F16", Shape, Stored("F16", values)), "it", Width), 0),
            Hex(PromptRows.Read(SmallSafetensors.Of(PromptRows.TensorName, "BF16", Shape, Stored("F16", values)), "it", Width), 0));
    }

    public static TheoryData<string, byte[], string[]> Refused => new()
    {
        { "empty", [], ["0 bytes"] },
        { "no file", Encoding.ASCII.GetBytes("hello, this is no file at all"), ["header length"] },
        { "header beyond the end", [0xFF, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}'], ["header length 255", "10 bytes"] },
        { "header of 2^63", [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, (byte)'{', (byte)'}'], ["header length"] },
        { "header of null bytes", new byte[64], ["header"] },
        { "no tensor", SmallSafetensors.WithHeader("{}", []), ["no tensor", "prompt_embeds [tokens, 4]"] },
        { "another name", SmallSafetensors.Of("embeds", Shape, values), ["embeds", "prompt_embeds [tokens, 4]"] },
        {
            "two tensors",
            SmallSafetensors.WithHeader(
                """{"prompt_embeds":{"dtype":"F32","shape":[1,4],"data_offsets":[0,16]},"more":{"dtype":"F32","shape":[1,4],"data_offsets":[16,32]}}""", new byte[32]),
            ["2 tensors (prompt_embeds, more)", "one tensor"]
        },
        { "another width", SmallSafetensors.Of(PromptRows.TensorName, "[1,8]", values), ["[1, 8]", "[tokens, 4]"] },
        { "one axis", SmallSafetensors.Of(PromptRows.TensorName, "[8]", values), ["[8]", "[tokens, 4]"] },
        { "three axes", SmallSafetensors.Of(PromptRows.TensorName, "[1,2,4]", values), ["[1, 2, 4]", "[tokens, 4]"] },
        { "no token", SmallSafetensors.Of(PromptRows.TensorName, "[0,4]", []), ["[0, 4]", "at least one token"] },
        { "double precision", SmallSafetensors.Of(PromptRows.TensorName, "F64", "[1,4]", new byte[32]), ["F64", "F32, F16 or BF16"] },
        { "integers", SmallSafetensors.Of(PromptRows.TensorName, "I32", "[1,4]", new byte[16]), ["I32", "F32, F16 or BF16"] },
        { "shape and bytes differ", SmallSafetensors.Of(PromptRows.TensorName, "[3,4]", values), ["48 bytes", "32"] },
        { "shape overflows", SmallSafetensors.Of(PromptRows.TensorName, "[4611686018427387904,4]", values), ["overflows"] },
        { "negative", SmallSafetensors.Of(PromptRows.TensorName, "[-2,4]", values), ["negative"] },
        { "bytes after the end", [.. SmallSafetensors.Of(PromptRows.TensorName, Shape, values), 0, 0], ["2 bytes after"] },
        { "cut off", SmallSafetensors.Of(PromptRows.TensorName, Shape, values)[..^3], ["cut off"] },
        { "NaN", SmallSafetensors.Of(PromptRows.TensorName, Shape, [0, 0, 0, 0, 0, 0, float.NaN, 0]), ["NaN in row 1, column 2", "finite"] },
        { "infinite half", SmallSafetensors.Of(PromptRows.TensorName, "F16", Shape, Stored("F16", [0, 0, 0, float.NegativeInfinity, 0, 0, 0, 0])), ["row 0, column 3", "finite"] },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_is_wrong_is_said_in_one_line(string what, byte[] file, string[] words)
    {
        string message = Assert.Throws<BadFileException>(() => PromptRows.Read(file, "prompt_embeds", Width)).Message;
        Assert.All(words, word => Assert.Contains(word, message, StringComparison.Ordinal));
        Assert.DoesNotContain('\n', message);
        Assert.True(message.StartsWith("prompt_embeds", StringComparison.Ordinal), $"{what}: {message}");
    }

    [Theory]
    [InlineData("PK\u0003\u0004")]
    [InlineData("PK\u0005\u0006")]
    [InlineData("\u0080\u0002\u008a\nl\u00fc\u009cF\u00f9 j\u00a8P\u0019.")]
    [InlineData("\u0080\u0005\u0095")]
    public void A_pickle_is_not_read_and_the_way_to_convert_is_named(string begins)
    {
        byte[] file = [.. Encoding.Latin1.GetBytes(begins), .. new byte[100]];
        string message = Assert.Throws<NotSupportedException>(() => PromptRows.Read(file, "it", Width)).Message;
        Assert.Contains("safetensors.torch.save({'prompt_embeds': ", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void A_header_whose_length_begins_as_a_pickle_does_is_a_header()
    {
        string header = $$$"""{"prompt_embeds":{"dtype":"F32","shape":{{{Shape}}},"data_offsets":[0,32]}}""".PadRight(0x0280);
        Assert.Equal(values, Numbers(PromptRows.Read(SmallSafetensors.WithHeader(header, MemoryMarshal.AsBytes<float>(values)), "it", Width)));
        header = header.PadRight(0x4B50);
        Assert.Equal(values, Numbers(PromptRows.Read(SmallSafetensors.WithHeader(header, MemoryMarshal.AsBytes<float>(values)), "it", Width)));
    }

    [Fact]
    public void Numbers_of_the_callers_own_are_checked_too()
    {
        Assert.Throws<ArgumentException>(() => PromptRows.Of([], Width));
        Assert.Throws<ArgumentException>(() => PromptRows.Of(new float[5], Width));
        Assert.Contains("row 0, column 1", Assert.Throws<ArgumentException>(() => PromptRows.Of([1, float.PositiveInfinity, 0, 0], Width)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => PromptRows.Of(new float[4], 0));
    }

    [Theory]
    [InlineData(1UL)]
    [InlineData(2UL)]
    [InlineData(3UL)]
    public void Whatever_the_bytes_are_they_are_rows_or_a_refusal(ulong seed)
    {
        CounterRandom random = new(seed);
        ulong at = 0;
        byte[][] good =
        [
            SmallSafetensors.Of(PromptRows.TensorName, Shape, values),
            SmallSafetensors.Of(PromptRows.TensorName, "F16", Shape, Stored("F16", values)),
            SmallSafetensors.WithHeader($$$"""{"__metadata__":{"format":"pt"},"prompt_embeds":{"dtype":"BF16","shape":{{{Shape}}},"data_offsets":[0,16]}}   """, Stored("BF16", values)),
        ];
        int read = 0, refused = 0;
        for (int i = 0; i < 20_000; i++)
        {
            byte[] file = [.. good[Next(good.Length)]];
            for (int changes = Next(4); changes > 0; changes--)
            {
                switch (Next(5))
                {
                    case 0: file = file[..Next(file.Length + 1)]; break;
                    case 1: file = [.. file, (byte)Next(256)]; break;
                    case 2 when file.Length > 0: file[Next(Math.Min(8, file.Length))] = (byte)Next(256); break;
                    case 3 when file.Length > 0: file[Next(file.Length)] = (byte)Next(256); break;
                    case 4 when file.Length > 9: file[8 + Next(file.Length - 8)] = (byte)"0123456789[]{},:\"-.eF"[Next(21)]; break;
                    default: break;
                }
            }
            try
            {
                PromptRows rows = PromptRows.Read(file, "it", Width);
                Assert.True(Numbers(rows).All(float.IsFinite), $"seed {seed}, file {i}");
                read++;
            }
            catch (Exception e) when (e is BadFileException or NotSupportedException)
            {
                Assert.DoesNotContain('\n', e.Message);
                refused++;
            }
        }
        Assert.True(read > 1000 && refused > 1000, $"{read} read, {refused} refused");

        int Next(int below) => random.Integer(at++, below);
    }

    private static string Hex(PromptRows rows, int page) => Convert.ToHexString(rows.Digest(page));

    private static byte[] Stored(string type, float[] numbers) => type switch
    {
        "F32" => MemoryMarshal.AsBytes<float>(numbers).ToArray(),
        "F16" => MemoryMarshal.AsBytes<Half>(Array.ConvertAll(numbers, n => (Half)n)).ToArray(),
        _ => MemoryMarshal.AsBytes<ushort>(Array.ConvertAll(numbers, n => (ushort)(BitConverter.SingleToUInt32Bits(n) >> 16))).ToArray(),
    };

    private static float[] Numbers(PromptRows rows)
    {
        float[] numbers = new float[rows.Count * rows.Width];
        for (int i = 0; i < rows.Count; i++)
        {
            rows.CopyTo(i, numbers.AsSpan(i * rows.Width, rows.Width));
        }
        return numbers;
    }
}
